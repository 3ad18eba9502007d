import { closeSync, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { Anatomy, GgufFacts } from '../../format/anatomy.ts';
import type { EffectiveToken } from '../../format/args/effective.ts';
import { readGguf } from '../../format/gguf.ts';
import { openJudged } from '../../format/open.ts';
import { readAnatomy } from '../../format/read.ts';
import type { CommandLine } from '../../integrity/dot-args.ts';
import { canonicalFlag, flagUses } from '../../integrity/flags.ts';
import { PaddockError } from '../../lib/errors.ts';
import type { Environment } from '../../lib/paths.ts';
import type { Facts } from '../../policy/conditions/variables.ts';

export interface ModelInput {
  readonly lines: readonly CommandLine[];
  readonly anatomy: Pick<Anatomy, 'models'>;
  readonly environment: Environment;
  /** The caller's. */
  readonly cwd: string;
}

export interface LoadedModel {
  readonly facts: GgufFacts;
  /** In the judged file itself. */
  readonly inside: boolean;
}

/**
 * The weights that the command lines load. Undefined where that is not certain: none or several, a download, weights in
 * several files, ways to read `.args` that differ, a file that cannot be read. A file outside is what it is now.
 */
export function loadedModel({ lines, anatomy, environment, cwd }: ModelInput): LoadedModel | undefined {
  if (Object.keys(environment).some((name) => FROM_ENVIRONMENT.test(name))) return undefined;
  const places = lines.map(({ tokens }) => placeOf(tokens, anatomy.models, cwd));
  const [first] = places;
  if (first === undefined || places.some((one) => JSON.stringify(one) !== JSON.stringify(first)))
    return undefined;
  const model = first.inside ? anatomy.models[first.index] : readOutside(first);
  return model === undefined || isPart(model) ? undefined : { facts: model, inside: first.inside };
}

/** Facts for conditions; without a model, that there is none known. */
export function modelFacts(model: LoadedModel | undefined): Facts['values'] {
  if (model === undefined) return { 'model.known': false };
  const { facts, inside } = model;
  const { architecture = '', name = '', quantisation = '', parameterCount, metadata } = facts;
  const context = metadata.get(`${architecture}.context_length`);
  const isCount = typeof context === 'number' || typeof context === 'bigint';
  return {
    'model.known': true,
    'model.inside': inside,
    'model.architecture': architecture,
    'model.name': name,
    'model.parameters': Number(parameterCount),
    'model.quantization': quantisation,
    'model.context': isCount ? Number(context) : 0,
  };
}

type Place =
  | { readonly inside: true; readonly index: number }
  | { readonly inside: false; readonly path: string; readonly member?: string };

/** llama.cpp's variables for its flags, since the releases that serve with it. */
const FROM_ENVIRONMENT = /^LLAMA_ARG_(MODEL|HF|DOCKER)/;
/** Flags that fetch weights or choose them at run time. */
const ELSEWHERE = /^(hf|mu$|mmu$|model-url|mmproj-url|docker-repo|models-(dir|preset))/;
const MODEL = new Set(['m', 'model']);

// The last `-m` counts. One that could be the value of the flag before it counts in some releases only.
function placeOf(
  tokens: readonly EffectiveToken[],
  models: readonly GgufFacts[],
  cwd: string,
): Place | undefined {
  const uses = flagUses(tokens).map((use) => ({ ...use, canonical: canonicalFlag(use.name) }));
  if (uses.some(({ canonical }) => ELSEWHERE.test(canonical))) return undefined;
  const choices = uses.filter(({ canonical }) => MODEL.has(canonical));
  if (choices.some(({ swallowed, value }) => swallowed || value === undefined)) return undefined;
  const chosen = choices.at(-1)?.value;
  if (chosen === undefined) return models.length === 1 ? { inside: true, index: 0 } : undefined;
  return named(chosen, models, cwd);
}

const ZIP = '/zip/';

// As arguments are made absolute for the program: what the user names is looked for in his folder first.
function named(
  { text, origin }: EffectiveToken,
  models: readonly GgufFacts[],
  cwd: string,
): Place | undefined {
  const byUser = origin.from === 'command line';
  if (!text.startsWith(ZIP) && (byUser || isAbsolute(text))) {
    const outside = outsideAt(text, cwd);
    if (outside !== undefined || isAbsolute(text)) return outside;
  }
  const member = text.startsWith(ZIP) ? text.slice(ZIP.length) : text;
  const found = models.flatMap((model, index) => (model.member === member ? [index] : []));
  const [index] = found;
  return index === undefined || found.length > 1 ? undefined : { inside: true, index };
}

function outsideAt(text: string, cwd: string): Place | undefined {
  const path = resolve(cwd, text);
  if (isFile(path)) return { inside: false, path };
  const at = text.lastIndexOf('@');
  const container = resolve(cwd, text.slice(0, Math.max(0, at)));
  return at > 0 && isFile(container)
    ? { inside: false, path: container, member: text.slice(at + 1) }
    : undefined;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // not there: then it is a member, or nothing
  }
}

const GGUF = 'GGUF';

function readOutside({ path, member }: Extract<Place, { inside: false }>): GgufFacts | undefined {
  try {
    const { fd, source } = openJudged(path);
    try {
      const isGguf = source.size >= GGUF.length && source.read(0, GGUF.length).toString('latin1') === GGUF;
      if (isGguf) return member === undefined ? readGguf(source, 0, source.size).facts : undefined;
      const models = readAnatomy(source).models.filter(
        (one) => member === undefined || one.member === member,
      );
      return models.length === 1 ? models[0] : undefined;
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (cause instanceof PaddockError) return undefined; // no weights that paddock can read
    throw cause;
  }
}

// gguf-split: the header of each part tells of its own tensors only.
function isPart({ metadata }: GgufFacts): boolean {
  const count = metadata.get('split.count');
  return count !== undefined && !(Number(count) <= 1);
}
