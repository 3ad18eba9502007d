// Runs the tests inside the guest and writes one line of JSON for each part to the second serial line.
import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { release } from 'node:os';

const RESULTS = '/dev/ttyS1';
const REPORT = '/tmp/report.json';
/** Without hardware help everything takes some thirty times as long. */
const TEST_MS = 600_000;
const PART_MS = 3_600_000;
const DOCTOR_MS = 300_000;
/** Exit code of a start that paddock refused. */
const REFUSED = 126;

/** All but those that make twenty thousand calls: they take minutes here, and say nothing of the kernel. */
const NO_STORMS = '^(?!.*(at most the rate|wait for a reader))';

/** Which files, and which of their tests. */
const PARTS = [
  { key: 'gate', name: 'gate', args: ['test/gate', 'test/host', '-t', NO_STORMS] },
  {
    key: 'root',
    name: 'attacks, root',
    args: ['test/attacks/attacks.test.ts', '-t', readFileSync('/attacks', 'utf8')],
  },
  {
    key: 'user',
    name: 'attacks, plain user',
    args: ['test/attacks/plain-user.test.ts', '-t', readFileSync('/attacks', 'utf8')],
  },
];

process.env.PADDOCK_TEST_PATIENCE_MS = String(TEST_MS / 2);
tell({
  kernel: release(),
  groups: readFileSync('/proc/self/cgroup', 'utf8').trim(),
  lsm: read('/sys/kernel/security/lsm'),
});
const doctor = run(['bin/paddock.js', 'doctor', '--json'], DOCTOR_MS).stdout;
tell({ doctor });
const chosen = readFileSync('/parts', 'utf8').split(',');
for (const part of PARTS.filter(({ key }) => chosen.includes(key))) {
  if (part.key !== 'gate' && JSON.parse(doctor).state === 'missing') continue;
  tell({ part: part.name, ...runTests(part.args) });
}
if (JSON.parse(doctor).state === 'missing') tell({ part: 'nothing is started', ...refusal() });
tell({ complete: true });

// Where the policy's protections are missing, the attacks have nothing to run in: a start must be refused, and say why.
function refusal() {
  const { status, stdout, stderr } = run(['bin/paddock.js', 'demo'], DOCTOR_MS, 'pipe', 'pipe');
  const fine = status === REFUSED && !stdout.includes('Once upon') && /landlock/i.test(stderr);
  const failures = fine ? [] : [{ test: 'paddock demo', message: `exit ${status}: ${stdout}${stderr}` }];
  return { ended: status, passed: fine ? 1 : 0, failed: fine ? 0 : 1, skipped: 0, failures, said: stderr };
}

function runTests(args) {
  rmSync(REPORT, { force: true });
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${REPORT}`];
  const limits = [`--testTimeout=${TEST_MS}`, `--hookTimeout=${TEST_MS}`, '--no-file-parallelism'];
  const ended = run(
    ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...limits, ...args],
    PART_MS,
    'inherit',
  );
  const text = read(REPORT);
  if (text === undefined) return { ended: ended.status ?? ended.signal ?? String(ended.error) };
  const {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    testResults,
  } = JSON.parse(text);
  const failures = testResults.flatMap(({ name, message, assertionResults }) => [
    ...(message ? [{ test: name, message: message.slice(0, 2000) }] : []),
    ...assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => ({
        test: fullName,
        message: failureMessages.join('\n').slice(0, 4000),
      })),
  ]);
  return { ended: ended.status, passed, failed, skipped, failures };
}

function run(args, timeout, output = 'pipe', errors = 'inherit') {
  return spawnSync('node', args, {
    encoding: 'utf8',
    timeout,
    killSignal: 'SIGKILL',
    stdio: ['ignore', output, errors],
  });
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not there: the kernel lacks it, or the run left no report
  }
}

function tell(line) {
  appendFileSync(RESULTS, `${JSON.stringify(line)}\n`);
}
