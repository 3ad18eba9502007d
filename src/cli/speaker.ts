import type { Context } from './context.ts';
import { paint } from './render.ts';

/** How paddock speaks on stderr: notes are dim, warnings yellow, both begin with its name. */
export type Speaker = (kind: 'note' | 'warn' | 'plain', text: string) => void;

/** The same, on lines of its own: behind half a line of the program comes a line break first. */
export function onFreshLines(context: Context, say: Speaker, freshLine: (() => string) | undefined): Speaker {
  if (freshLine === undefined) return say;
  return (kind, text) => {
    if (say !== SILENT) context.stderr.write(freshLine());
    say(kind, text);
  };
}

const SILENT: Speaker = () => {};

/** A speaker on stderr; a silent one when `quiet`. Refusals and errors are not its business: they are always told. */
export function speaker(context: Context, quiet: boolean): Speaker {
  if (quiet) return SILENT;
  const colors = paint(context, 'stderr');
  return (kind, text) => {
    if (kind === 'plain') context.stderr.write(`${text}\n`);
    else
      context.stderr.write(
        `${kind === 'warn' ? colors.yellow('paddock:') : colors.dim('paddock:')} ${text}\n`,
      );
  };
}
