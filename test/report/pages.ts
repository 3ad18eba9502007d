import { readAnatomy } from '../../src/format/read.ts';
import { bufferSource } from '../../src/format/source.ts';
import { judge } from '../../src/integrity/judge.ts';
import { regionDigests } from '../../src/report/digests.ts';
import { type InspectPageInput, inspectPage } from '../../src/report/inspect-page.ts';
import { EMPTY_TABLES } from '../checks/judged.ts';

/** The page of a file, as `paddock inspect --html` makes it. */
export async function pageOf(bytes: Buffer, input: Partial<InspectPageInput> = {}): Promise<string> {
  const source = bufferSource(bytes);
  const anatomy = readAnatomy(source);
  const verdict = await judge({ anatomy, source, tables: EMPTY_TABLES, architecture: 'x86-64' });
  const digests = regionDigests(source, anatomy.regions);
  return inspectPage({
    path: 'model.llamafile',
    anatomy,
    verdict,
    digests,
    history: [],
    arguments: [],
    madeAt: '2026-01-02T03:04:05.000Z',
    version: '0.0.0',
    ...input,
  });
}

/** Texts that would act, were they taken for markup. */
export const HOSTILE: readonly string[] = [
  '<script>document.documentElement.dataset.taken = 1</script>',
  '"><img src=x onerror="document.documentElement.dataset.taken = 1">',
  "'><svg onload='document.documentElement.dataset.taken = 1'>",
  '</title></style></script><iframe src="data:text/html,x">',
  '&lt;b&gt; {{7*7}} ${7*7} \u202e\u200b\u0007',
];
