import { type Node, parseTemplate } from './syntax.ts';

const UNDERSCORE = /\\(?:x5f|u005f|U0000005f|137|N\{low line\})/gi;
/** Where the code of a template cannot be parsed: what no genuine code has, whatever it means. */
const SIGNS: readonly (readonly [sign: RegExp, shown: string])[] = [
  [/__[a-z]+__/i, 'a name of Python’s own (__…__)'],
  [/['"]__[a-z]|[a-z]__['"]/i, 'a piece of a name of Python’s own'],
  [/\|\s*attr\b/, 'the filter attr'],
  [/\b(?:lipsum|cycler|popen|subprocess|getattr|importlib)\b/, 'a way to Python’s modules'],
  [/\|\s*(?:select|reject|map|batch|slice)\b[^|]{0,200}\|\s*string\b/, 'the text of an internal object'],
  [/\b(?:os|sys)\s*\./, 'a module of Python'],
  [/(?<![.\w])(?:eval|exec|open|system)\s*\(/, 'a call that runs code or opens files'],
];
const LOADING = /^\{%[-+]?\s*(import|include|extends|from)\b/;

/** As `lintTemplate`, by signs in the code spans of a template that is not well-formed. Takes linear time. */
export function lintUnparsed(source: string): string[] {
  const spans = codeSpans(source).map((span) => span.replace(UNDERSCORE, '_'));
  const reasons = SIGNS.filter(([sign]) => spans.some((span) => sign.test(span))).map(([, shown]) => shown);
  const loading = spans.map((span) => LOADING.exec(span)?.[1]).find((word) => word !== undefined);
  return loading === undefined ? reasons : [`the statement ${loading}`, ...reasons];
}

/** Statement → the template by which what stands in it can be parsed by itself: `rest` is what follows the word. */
const ALONE: ReadonlyMap<string, (rest: string) => string> = new Map([
  ['set', (rest: string) => `{% set ${rest} %}`],
  ['with', (rest: string) => `{{ dict(${rest}) }}`],
  ['for', (rest: string) => `{% for ${rest} %}{% endfor %}`],
  ['macro', (rest: string) => `{% macro ${rest} %}{% endmacro %}`],
]);
const STATEMENT = /^\{%[-+]?\s*(\w+)([\s\S]*?)[-+]?%\}$/;

/**
 * A tree of those code spans of a template that can be parsed one by one, where the whole cannot: what stands in a statement
 * that the parser does not know is an expression to it, as far as it is one.
 */
export async function parseSpans(source: string): Promise<Node> {
  const body: Node[] = [];
  for (const span of codeSpans(source)) {
    const [, word = '', rest = ''] = STATEMENT.exec(span) ?? [];
    const alone = word === '' ? span : (ALONE.get(word) ?? ((text) => `{{ ${text} }}`))(rest);
    const program = await parseTemplate(alone);
    if (program !== undefined) body.push(program);
  }
  return { type: 'Program', body };
}

const CLOSERS = new Map([
  ['{%', '%}'],
  ['{{', '}}'],
  ['{#', '#}'],
]);

/** `{% … %}` and `{{ … }}`, comments left out; what is never closed goes on to the end. */
function codeSpans(source: string): string[] {
  const spans: string[] = [];
  let at = source.indexOf('{');
  while (at !== -1) {
    const opener = source.slice(at, at + 2);
    const closer = CLOSERS.get(opener);
    if (closer === undefined) {
      at = source.indexOf('{', at + 1);
      continue;
    }
    const close = source.indexOf(closer, at + 2);
    const end = close === -1 ? source.length : close + 2;
    if (opener !== '{#') spans.push(source.slice(at, end));
    at = source.indexOf('{', end);
  }
  return spans;
}
