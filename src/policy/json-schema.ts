import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import { EXPECTED } from './expected.ts';
import { PolicyFile } from './schema.ts';

/**
 * What a policy file may say as JSON Schema (2020-12), for editors: YAML language servers complete keys by it and show what is
 * expected. A file that it refuses is refused by paddock, too; some that it accepts are not, as checks between
 * values and units cannot be said in it.
 */
export function policyJsonSchema(): JsonSchema {
  const schema = toJsonSchema(PolicyFile, {
    typeMode: 'input',
    target: 'draft-2020-12',
    errorMode: 'ignore', // checks in code; `description` says what they want
  });
  return {
    ...described(schema, ''),
    $id: 'urn:paddock:policy:v1',
    title: 'A policy of paddock',
    description:
      'What a llamafile may be, say, reach and use. `paddock policy check FILE` has the last word.',
  };
}

// Keys as in files: "limits.memory".
function described(schema: JsonSchema, path: string): JsonSchema {
  const { items } = schema;
  const isEach = typeof items === 'object' && !Array.isArray(items) && items.properties !== undefined;
  const expected = EXPECTED[path] ?? EXPECTED[path.replace(/^rules\.then\./, '')];
  const properties = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const deeper = path === '' ? key : `${path}.${key}`;
    return [key, typeof value === 'boolean' ? value : described(value, deeper)] as const;
  });
  return {
    ...schema,
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
    ...(isEach ? { items: described(items, path) } : {}),
    ...(expected === undefined ? {} : { description: expected }),
  };
}
