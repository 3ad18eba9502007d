import { closeSync } from 'node:fs';
import { archiveHistory } from '../format/history.ts';
import { escapeText } from '../lib/text.ts';
import { regionDigests } from '../report/digests.ts';
import { shownGeneration } from '../report/history.ts';
import { inspectPage } from '../report/inspect-page.ts';
import { type Context, EXIT } from './context.ts';
import { inspectArguments } from './inspect-arguments.ts';
import { judgeFile, naming } from './judged.ts';
import { baselinePlaces } from './trust-places.ts';
import { VERSION } from './version.ts';
import { writeOutput } from './write-output.ts';

/** `paddock inspect --html`: one page with the map of the file, for a browser. */
export async function run(context: Context, file: string, output: string): Promise<number> {
  const {
    file: opened,
    anatomy,
    verdict,
  } = await naming(file, () => judgeFile(file, { baselines: baselinePlaces(context) }));
  try {
    const { shown } = await inspectArguments(anatomy, opened.source);
    const page = inspectPage({
      path: file,
      anatomy,
      verdict,
      digests: regionDigests(opened.source, anatomy.regions),
      history: archiveHistory(anatomy).map(shownGeneration),
      arguments: shown,
      madeAt: context.now().toISOString(),
      version: VERSION,
    });
    writeOutput(context, output, page, [opened.fd]);
    if (output !== '-') context.stderr.write(`paddock: wrote ${escapeText(output, 4096)}\n`);
    return EXIT.ok;
  } finally {
    closeSync(opened.fd);
  }
}
