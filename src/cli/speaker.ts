import type { Context } from './context.ts';
import { paint } from './render.ts';

/** How paddock speaks on stderr: notes are dim, warnings yellow, both begin with its name. */
export type Speaker = (kind: 'note' | 'warn' | 'plain', text: string) => void;

/** A speaker on stderr; a silent one when `quiet`. Refusals and errors are not its business: they are always told. */
export function speaker(context: Context, quiet: boolean): Speaker {
  if (quiet) return () => {};
  const colors = paint(context, 'stderr');
  return (kind, text) => {
    if (kind === 'plain') context.stderr.write(`${text}\n`);
    else
      context.stderr.write(
        `${kind === 'warn' ? colors.yellow('paddock:') : colors.dim('paddock:')} ${text}\n`,
      );
  };
}
