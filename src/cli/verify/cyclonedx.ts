import { shippedTables } from '../../integrity/tables.ts';
import { cyclonedxBom } from '../../report/cyclonedx.ts';
import type { Outcome } from '../../report/outcome.ts';
import type { Context } from '../context.ts';
import { toJson } from '../render.ts';
import { VERSION } from '../version.ts';

/** `--cyclonedx`. SOURCE_DATE_EPOCH (seconds), where it is set, is the time of the document, so that it can be made twice. */
export function cyclonedxText(
  context: Context,
  { outcomes }: { readonly outcomes: readonly Outcome[] },
): string {
  const releases = new Map([...shippedTables().releases.values()].map((one) => [one.artifact, one]));
  return toJson(
    cyclonedxBom({
      outcomes,
      version: VERSION,
      at: timeOf(context),
      release: (artifact) => releases.get(artifact),
    }),
  );
}

function timeOf(context: Context): Date {
  const epoch = context.env.SOURCE_DATE_EPOCH ?? '';
  return /^\d{1,11}$/.test(epoch) ? new Date(Number(epoch) * 1000) : context.now();
}
