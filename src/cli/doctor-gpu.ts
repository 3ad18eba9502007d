import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { findCards } from '../host/cards.ts';
import type { Check } from '../host/doctor.ts';
import { packageRoot } from '../host/native.ts';
import { makeClosedFolders, sealFolders } from '../launch/closed-folders.ts';
import { type Card, type CardKind, DRIVERS } from '../launch/devices.ts';
import type { SessionDirectories } from '../launch/directories.ts';
import { escapeText } from '../lib/text.ts';
import type { Context } from './context.ts';
import { type FencedOutput, runFenced } from './own-program.ts';

/** What the probe prints for each driver (src/host/gpu-probe). */
const Answer = v.object({
  kind: v.picklist(['nvidia', 'amd']),
  library: v.boolean(),
  init: v.pipe(v.number(), v.integer()),
  cards: v.pipe(v.number(), v.integer(), v.minValue(0)),
});
type Answer = v.InferOutput<typeof Answer>;

/** How the probe is run inside the fence, and what it printed. */
export type RunProbe = (kind: CardKind) => Promise<FencedOutput>;

/**
 * For each kind of card that is here: whether its driver initialises inside the fence. A vendor's listing tool that works
 * proves nothing.
 */
export async function diagnoseCards(cards: readonly Card[], probe: RunProbe): Promise<Check[]> {
  if (cards.length === 0) return [noCard()];
  const kinds = [...new Set(cards.map(({ kind }) => kind))];
  const checks: Check[] = [];
  for (const kind of kinds) {
    const { stdout, stderr } = await probe(kind);
    checks.push(judged(kind, cards.filter((card) => card.kind === kind).length, stdout, stderr));
  }
  return checks;
}

/** The real one: the probe inside the fence that the user's policy raises, with the cards of that kind in reach. */
export async function checkCards(context: Context): Promise<Check[]> {
  const program = join(packageRoot(), 'dist/gpu-probe');
  const cards = findCards();
  if (cards.length > 0 && !existsSync(program)) return [unbuilt(program)];
  const fill = (directories: SessionDirectories): void => {
    makeClosedFolders(directories);
    sealFolders(directories);
  };
  return diagnoseCards(cards, (kind) => runFenced(context, { program, kind, cards, fill }));
}

function judged(kind: CardKind, count: number, stdout: string, stderr: string): Check {
  const name = `${kind} cards`;
  const answer = answers(stdout).find((one) => one.kind === kind);
  const many = `${count} ${count === 1 ? 'card' : 'cards'}`;
  const said = escapeText(stderr.split('\n')[0] ?? '', 200);
  if (answer === undefined) {
    return bad(
      name,
      `${many}; the driver was not asked: ${said}`,
      'run `paddock run --gpu` with a llamafile to see why',
    );
  }
  if (!answer.library) {
    const fix = `install the driver’s library, and let the linker find it (ldconfig -p)`;
    return bad(name, `${many}, and no library of the driver`, fix);
  }
  if (answer.init !== 0) {
    const nodes = DRIVERS[kind].shared.join(', ');
    return bad(
      name,
      `${many}; the driver’s init gives error ${answer.init} inside the fence`,
      `see whether it works outside, and whether you may open ${nodes}`,
    );
  }
  if (answer.cards === 0) return bad(name, `${many}; the driver counts none inside the fence`, 'see dmesg');
  return {
    name,
    state: 'ok',
    detail: `the driver initialises inside the fence; it counts ${answer.cards}`,
    effect: '',
    fix: '',
  };
}

const MAX_ANSWERS = 16;

function answers(stdout: string): Answer[] {
  const lines = stdout.split('\n').slice(0, MAX_ANSWERS);
  return lines.flatMap((line) => {
    try {
      const parsed = v.safeParse(Answer, JSON.parse(line));
      return parsed.success ? [parsed.output] : [];
    } catch {
      return []; // what a driver prints by itself
    }
  });
}

function bad(name: string, detail: string, fix: string): Check {
  return { name, state: 'degraded', detail, effect: 'models compute on the CPU', fix };
}

function noCard(): Check {
  const fix = 'install the driver of the card; NVIDIA’s makes /dev/nvidia0, AMD’s /dev/dri/renderD128';
  return bad('graphics cards', 'none: no /dev/nvidia* and no render node of an AMD card', fix);
}

function unbuilt(program: string): Check {
  return bad('graphics cards', `the probe is not built: ${program}`, 'npm rebuild llama-paddock');
}
