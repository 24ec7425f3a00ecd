/** What a compute process needs of its parent's environment: nothing of the service's configuration, no secret. */
const PASSED = /^(PATH|HOME|TMPDIR|LANG|LC_.*|LD_LIBRARY_PATH|OMP_.*|TF_.*)$/;

/** The environment of a child process that computes. */
export function childEnvironment(added: Readonly<Record<string, string>> = {}): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && PASSED.test(name)) passed[name] = value;
  }
  return { ...passed, ...added };
}
