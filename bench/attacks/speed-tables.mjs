/** The tables of the README, from the figures. */

export function formatTables(report) {
  const { machine, peers } = report;
  const lines = [
    `Measured on ${machine.cores} cores (${machine.processor}), Node ${machine.node}, ${machine.date}; load before: ${machine.load_before}.`,
    `Peers: torch ${peers.torch}, foolbox ${peers.foolbox}, ART ${peers['adversarial-robustness-toolbox']}, torchattacks ${peers.torchattacks}, pyautoattack ${peers.pyautoattack}.`,
    '',
  ];
  const { pgd, square, decisions, suite, overhead } = report;
  if (pgd)
    lines.push(
      ...rates('PGD-40, network of Madry et al., batch of 100', pgd, [
        'image_steps_per_second',
        'image-steps/s',
        0,
      ]),
    );
  if (square)
    lines.push(
      ...rates('Square, adversarially trained digits network', square, [
        'queries_per_second',
        'queries/s',
        0,
      ]),
    );
  if (decisions)
    lines.push(...rates('HopSkipJump, 2,500 queries', decisions, ['seconds_per_image', 's per image', 2]));
  if (suite) {
    const { images, broken, ...contestants } = suite;
    lines.push(
      ...rates(
        `AutoAttack, Linf 0.3, ${images} digits, adversarially trained`,
        contestants,
        ['seconds', 'seconds', 1],
        broken,
      ),
    );
  }
  if (overhead)
    lines.push(
      ...table(
        ['loop overhead, CPU', 'network', 'above bare gradients'],
        overhead.map((line) => [
          `${line.attack} ${line.norm}`,
          line.model,
          `${(100 * line.overhead).toFixed(1)} %`,
        ]),
      ),
    );
  return `${lines.join('\n')}\n`;
}

function rates(title, contestants, [key, unit, digits], broken) {
  const own = contestants['temper tensorflow'][key];
  const format = (value) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const rows = Object.entries(contestants).map(([name, figures]) => [
    name,
    format(figures[key]),
    (unit.includes('/s') ? figures.ours_to_this : 1 / figures.ours_to_this).toFixed(2),
    ...(broken ? [String(broken[name])] : []),
  ]);
  const header = [title, unit, 'times that ours is faster', ...(broken ? ['broken'] : [])];
  return own === undefined ? [] : table(header, rows);
}

function table(header, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line), ''];
}
