import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Attack, Place } from './attack.ts';
import { ATTACKS } from './attacks.ts';
import { type Bench, buildBench } from './build.ts';
import { type Outcome, PATIENCE_MS, runBare, runFenced, type Seen } from './harness.ts';
import { freePort, type Listeners, openListeners } from './listeners.ts';
import { makeWorld } from './world.ts';

const SANITIZED = process.env.PADDOCK_TEST_SANITIZED === '1';
/** Each attempt starts two programs, and a busy machine is slow. */
const TEST_MS = 2 * PATIENCE_MS;

/** What must not reach a terminal or a log from the program's own words: C0 but tab and newline, DEL, C1, bidi. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL_CHARACTERS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

export interface SuiteOptions {
  readonly title: string;
  readonly uid: number;
  /** Left out: all. */
  readonly attacks?: readonly Attack[];
  /** As if the host had this Landlock ABI. */
  readonly landlockAbi?: number;
  /** Without control runs, where another suite has them, as the one of the gate without sanitizers has. */
  readonly bare?: boolean;
  /** With the extra layer, or, as the fence is whole without it, not. */
  readonly namespaces?: boolean;
}

/**
 * Every attempt twice: bare, where it must succeed (or say why it cannot here), and fenced, where it must fail, must
 * leave no damage and no survivor, and must be in the record.
 */
export function suite({
  title,
  uid,
  attacks = ATTACKS,
  landlockAbi,
  namespaces = false,
  bare = !namespaces && !SANITIZED,
}: SuiteOptions): void {
  const reason = whyNotHere(uid, namespaces);
  if (reason !== undefined) {
    describe.skip(`${title} (skipped: ${reason})`, () => test('is not run', () => {}));
    return;
  }
  describe(title, () => {
    let bench: Bench;
    let listeners: Listeners;
    const notPossible: string[] = [];
    const notLimited: string[] = [];
    beforeAll(async () => {
      bench = buildBench({ sanitized: SANITIZED, ...(landlockAbi === undefined ? {} : { landlockAbi }) });
      listeners = await openListeners(bench.folder, bench.program);
    });
    afterAll(async () => {
      await listeners.close();
      bench.remove();
      tell('Not possible on this machine with no fence either', notPossible);
      tell('Not held here, since there is no control group, as the record says', notLimited);
    });
    const at = async (attack: Attack, body: (place: Place) => Promise<void>): Promise<void> => {
      const world = makeWorld(fileOf(bench, attack), uid);
      try {
        await body({ world, listeners, port: await freePort(), other: await freePort() });
      } finally {
        world.remove();
      }
    };
    // Our loader is for x86-64 alone.
    const possible = attacks.filter(({ form }) => form !== 'ape' || process.arch === 'x64');
    test.each(possible.map((attack) => [attack.name, attack] as const))(
      '%s',
      { timeout: TEST_MS },
      async (_, attack) => {
        if (bare && attack.control !== 'none')
          await at(attack, async (place) => {
            const before = listeners.heard();
            const outcome = await runBare(bench, attack, place, uid);
            if (worked(attack, outcome)) {
              if (attack.heard === true)
                expect(await listeners.hears(before), 'heard with no fence').toBe(true);
              return;
            }
            notPossible.push(`${attack.name}: ${outcome.verdict}`);
            if (attack.control === 'always')
              expect(outcome, 'with no fence').toMatchObject({ verdict: 'SUCCEEDED' });
            expect(outcome.verdict, 'with no fence').toMatch(/^FAILED /);
          });
        await at(attack, async (place) => {
          const heard = listeners.heard();
          const outcome = await runFenced(bench, attack, place, uid, namespaces ? 'require' : 'off');
          if (attack.needsSessionLimits === true && !outcome.protections.includes('limits-session')) {
            notLimited.push(`${attack.name}: ${outcome.verdict}`);
            return;
          }
          if (outcome.protections.length > 0)
            expect(outcome.protections.includes('namespaces'), 'namespaces').toBe(namespaces);
          expectRefused(attack, place, outcome);
          expect(listeners.heard() - heard, 'connections that got through').toBe(0);
          expectSeen(namespaces ? { ...attack, seen: attack.seenInside ?? attack.seen } : attack, outcome);
        });
      },
    );
  });
}

function worked({ withheld }: Attack, { verdict, stdout }: Outcome): boolean {
  return withheld === undefined ? verdict.startsWith('SUCCEEDED') : stdout.includes(withheld);
}

function tell(what: string, lines: readonly string[]): void {
  if (lines.length > 0) console.log(`${what}:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

function fileOf(bench: Bench, attack: Attack): string {
  if (attack.form !== 'ape') return bench.llamafile;
  if (bench.ape === undefined) throw new Error('the APE form needs dist/ape-loader');
  return bench.ape.path;
}

function expectRefused(attack: Attack, place: Place, outcome: Outcome): void {
  const story = JSON.stringify(outcome, null, 1);
  expect(outcome.stdout, story).not.toContain('SUCCEEDED');
  if (attack.withheld !== undefined) expect(outcome.stdout, story).not.toContain(attack.withheld);
  expect(outcome.stdout + outcome.stderr, story).not.toContain(place.world.secret);
  if (attack.terminal !== 'own') expect(outcome.stderr, story).not.toMatch(CONTROL_CHARACTERS);
  expect(place.world.damage(), story).toEqual([]);
  expect(outcome.survivors, story).toEqual([]);
  if (attack.killLauncherAt !== undefined) {
    expect(outcome.stdout, story).toContain(attack.killLauncherAt);
    return;
  }
  // A supervisor that is killed by what the program says may be gone before it has told of the start; the program's own word is
  // that it ran.
  if (attack.killSupervisor === true) expect(outcome.stdout, story).toMatch(/^PARENT \d+$/m);
  else {
    const events = outcome.events.map(({ event }) => event);
    expect(events, story).toContain('started');
  }
  // XDG_RUNTIME_DIR is not set, so the session's private folders were there.
  expect(readdirSync(place.world.tmp), story).toEqual([]);
  if (attack.killSupervisor === true) {
    expect(outcome.code, story).toBe(125); // paddock could not do its work, and says so
    return;
  }
  expect([125, 126, 127], story).not.toContain(outcome.code);
  if ((attack.ends ?? 'refused') !== 'refused') return;
  expect(outcome.signal, story).toBe(null);
  expect(outcome.verdict, story).toMatch(/^FAILED /);
  expect(outcome.code, story).toBe(9);
}

function expectSeen(attack: Attack, outcome: Outcome): void {
  const { seen } = attack;
  if ('nothing' in seen) return;
  const story = `not in the record: ${JSON.stringify(seen)}\n${JSON.stringify(outcome, null, 1)}`;
  expect(
    outcome.events.some((event) => matches(seen, event)),
    story,
  ).toBe(true);
}

function matches(seen: Exclude<Attack['seen'], { nothing: string }>, event: Seen): boolean {
  if ('alert' in seen) return event.event === 'alert' && event.label === seen.alert;
  if ('event' in seen) return event.event === seen.event;
  if ('swept' in seen)
    return event.event === 'finished' && typeof event.killed === 'number' && event.killed > 0;
  if (event.event !== 'call') return false;
  if ('observed' in seen) return event.label === seen.observed;
  return event.label === seen.refused && (event.answer === 'denied' || event.granted === false);
}

function whyNotHere(uid: number, namespaces: boolean): string | undefined {
  if (process.platform !== 'linux') return 'the fence is for Linux';
  const own = process.getuid?.() ?? -1;
  if (uid !== own && SANITIZED) return 'the sanitized gate is tried as the own user';
  if (uid !== own && own !== 0) return 'only root can become another user';
  if (SANITIZED && !existsSync('dist/sanitized/paddock-gate'))
    return 'dist/sanitized/paddock-gate is not built';
  if (namespaces && !giveNamespaces(uid)) return 'this host gives a program no namespaces of its own';
  return undefined;
}

function giveNamespaces(uid: number): boolean {
  const gate = SANITIZED ? 'dist/sanitized/paddock-gate' : 'dist/paddock-gate';
  const asUser = uid === process.getuid?.() ? {} : { uid, gid: uid };
  const { stdout } = spawnSync(gate, ['--probe'], { ...asUser, env: {}, encoding: 'utf8' });
  return (JSON.parse(stdout) as { namespaces: boolean }).namespaces;
}
