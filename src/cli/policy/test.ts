import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { type PolicyCases, parseCases } from '../../policy/cases.ts';
import { MACHINE_FILES } from '../../policy/files.ts';
import { readNamed } from '../../policy/load.ts';
import { type Context, EXIT } from '../context.ts';
import { paint, toJson } from '../render.ts';
import { tryCase } from './try-case.ts';

export interface TestInput {
  /** Policies, each with NAME.test.yaml beside NAME.yaml, or such tables. */
  readonly files: readonly string[];
  readonly json?: boolean;
}

interface Row {
  readonly table: string;
  readonly line: number;
  readonly name: string;
  /** Empty when it passed. */
  readonly wrong: readonly string[];
}

/**
 * `paddock policy test`: the cases written beside policies. Exit 1 when one of them comes out otherwise, or a file is not
 * valid; 2 when one could not be read.
 */
export async function run(context: Context, { files, json }: TestInput): Promise<number> {
  const rows: Row[] = [];
  const errors: PaddockError[] = [];
  for (const file of files) {
    try {
      rows.push(...(await runTable(tableOf(file))));
    } catch (cause) {
      if (!(cause instanceof PaddockError)) throw cause;
      errors.push(cause);
    }
  }
  const failed = rows.filter(({ wrong }) => wrong.length > 0);
  if (json === true) {
    const problems = errors.map(({ code, message, detail }) => ({ code, message, where: detail.where }));
    context.stdout.write(
      `${toJson({ schema: 'paddock/policy-test-result/v1', passed: rows.length - failed.length, failed: failed.length, rows, problems })}\n`,
    );
  } else show(context, rows, errors);
  if (errors.some(({ code }) => code !== 'policy-invalid')) return EXIT.incomplete;
  return failed.length + errors.length === 0 ? EXIT.ok : EXIT.policy;
}

const TABLE = /\.test\.ya?ml$/;

function tableOf(file: string): string {
  return TABLE.test(file) ? file : file.replace(/(\.ya?ml)$/, '.test$1');
}

async function runTable(path: string): Promise<Row[]> {
  if (!existsSync(path)) {
    throw new PaddockError('io', 'there is no table of cases', {
      where: path,
      expected: 'a file NAME.test.yaml beside the policy NAME.yaml',
      remedy: 'write one: policies/default.test.yaml of paddock shows every key',
    });
  }
  const table = parseCases(readNamed(MACHINE_FILES, path), path);
  const policy = policyOf(path, table);
  const tested = { text: readNamed(MACHINE_FILES, policy), name: policy, as: table.as };
  const rows: Row[] = [];
  for (const one of table.cases)
    rows.push({ table: path, line: one.line, name: one.name, wrong: await tryCase(tested, one) });
  return rows;
}

function policyOf(table: string, { policy }: PolicyCases): string {
  return join(dirname(table), policy ?? basename(table).replace(TABLE, '.yaml'));
}

function show(context: Context, rows: readonly Row[], errors: readonly PaddockError[]): void {
  const colors = paint(context, 'stdout');
  for (const { table, line, name, wrong } of rows) {
    const head = `${escapeText(table, 200)}:${line}: ${escapeText(name, 200)}`;
    if (wrong.length === 0) continue;
    context.stdout.write(`${colors.red('wrong')}  ${head}\n`);
    for (const text of wrong) context.stdout.write(`         ${escapeText(text, 500)}\n`);
  }
  for (const error of errors) context.stdout.write(`${colors.red('wrong')}  ${error.explain()}\n`);
  const failed = rows.filter(({ wrong }) => wrong.length > 0).length;
  const cases = rows.length === 1 ? 'case' : 'cases';
  context.stdout.write(
    `${rows.length} ${cases}, ${failed === 0 ? colors.green('all as expected') : colors.red(`${failed} otherwise`)}\n`,
  );
}
