#!/usr/bin/env node
/**
 * One Apache Kafka broker (KRaft, loopback, clean data folder) for development and tests.
 *   node scripts/services/kafka.mjs            starts it, prints {"broker":"127.0.0.1:<port>","pid":<pid>} and runs until killed
 * Needs a JDK 17 or later and Maven; the jars are fetched once into .cache/kafka (or $TEMPER_KAFKA_CACHE).
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const KAFKA = '4.3.1';
const SLF4J = '1.7.36';
const COPY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Folder of the broker's jars; fetched beside it and renamed, so that a killed run leaves no half cache. */
export function fetchKafka() {
  const cache = resolve(process.env.TEMPER_KAFKA_CACHE ?? join(ROOT, '.cache/kafka'));
  const jars = join(cache, KAFKA);
  if (existsSync(jars)) return jars;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'fetch-'));
  const dependency = (group, artifact, version) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  const dependencies =
    dependency('org.apache.kafka', 'kafka_2.13', KAFKA) + dependency('org.slf4j', 'slf4j-simple', SLF4J);
  writeFileSync(
    join(work, 'pom.xml'),
    `<project><modelVersion>4.0.0</modelVersion><groupId>temper</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>${dependencies}</dependencies></project>`,
  );
  const out = join(work, 'jars');
  runToEnd('mvn', [
    '-q',
    '-B',
    '-f',
    join(work, 'pom.xml'),
    `${COPY_PLUGIN}:copy-dependencies`,
    '-DincludeScope=runtime',
    `-DoutputDirectory=${out}`,
  ]);
  try {
    renameSync(out, jars);
  } catch (error) {
    // Another process may have fetched the same jars meanwhile.
    if (!existsSync(jars)) throw error;
  }
  rmSync(work, { recursive: true, force: true });
  return jars;
}

/** Starts a broker in a folder of its own; its data goes with it when it is stopped. */
export async function startKafka() {
  const jars = fetchKafka();
  const folder = mkdtempSync(join(tmpdir(), 'temper-kafka-'));
  const [port, controller] = await freePorts(2);
  const properties = join(folder, 'server.properties');
  writeFileSync(properties, serverProperties({ port, controller, data: join(folder, 'data') }));
  const classPath = join(jars, '*');
  const id = randomBytes(16).toString('base64url');
  runToEnd('java', ['-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', properties]);
  const child = spawn('java', ['-Xmx512m', '-XX:+UseSerialGC', '-cp', classPath, 'kafka.Kafka', properties], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    await untilStarted(child);
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const ended = new Promise((resolveEnd) => child.once('exit', resolveEnd));
  return {
    broker: `127.0.0.1:${port}`,
    pid: child.pid,
    ended,
    async stop() {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(force);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function serverProperties({ port, controller, data }) {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    `log.dirs=${data}`,
    'auto.create.topics.enable=false',
    'offsets.topic.num.partitions=5',
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    '',
  ].join('\n');
}

function untilStarted(child) {
  return new Promise((started, failed) => {
    let said = '';
    const listen = (chunk) => {
      said = (said + chunk).slice(-20_000);
      if (!/Kafka Server started/.test(said)) return;
      child.stderr.off('data', listen);
      child.stderr.resume();
      started();
    };
    child.stderr.setEncoding('utf8').on('data', listen);
    child.once('error', failed);
    child.once('exit', (code) =>
      failed(
        new Error(`the Kafka broker ended with code ${code} before it had started:\n${said.slice(-4000)}`),
      ),
    );
  });
}

function runToEnd(command, args) {
  const { status, error, stderr, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ended with code ${status}:\n${stdout}${stderr}`);
}

/** Ports that were free a moment ago, held together so that they differ. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((listening, failed) => {
          const server = createServer().once('error', failed);
          server.listen(0, '127.0.0.1', () => listening(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const kafka = await startKafka();
  process.stdout.write(`${JSON.stringify({ broker: kafka.broker, pid: kafka.pid })}\n`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void kafka.stop());
  await kafka.ended;
}
