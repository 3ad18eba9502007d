import { readFileSync } from 'node:fs';
import { Ajv, type AnySchemaObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect } from 'vitest';

const addFormats = formats as unknown as (ajv: Ajv) => Ajv;
const published = new URL('../../docs/schemas/', import.meta.url);
const others = new URL('../fixtures/schemas/', import.meta.url);

function load(folder: URL, name: string): AnySchemaObject {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as AnySchemaObject;
}

/** One of our own schemas. `closed`: no property may occur that the schema does not tell of. */
export function own(name: string, { closed = false } = {}): ValidateFunction {
  const schema = load(published, name);
  return addFormats(new Ajv2020({ strict: true, strictRequired: false, allErrors: true })).compile(
    closed ? shut(schema) : schema,
  );
}

/** SARIF 2.1.0. Its schema is written in draft 4, of which it uses nothing that is different now. */
export function sarif(): ValidateFunction {
  const { $schema: _, id: __, ...schema } = load(others, 'sarif-2.1.0.schema.json');
  return addFormats(new Ajv({ strict: false, allErrors: true, unicodeRegExp: false })).compile(schema);
}

/** CycloneDX 1.6 with the two schemas that it refers to. */
export function cyclonedx(): ValidateFunction {
  const ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
  ajv.addFormat('iri-reference', (text: string) => URL.canParse(text, 'http://localhost'));
  ajv.addFormat('idn-email', /^[^@]+@[^@]+$/);
  for (const [name, refersAs] of [
    ['spdx', 'spdx.SNAPSHOT.schema.json'],
    ['jsf-0.82', 'jsf-0.82.SNAPSHOT.schema.json'],
  ] as const) {
    const { $id: _, ...schema } = load(others, `${name}.SNAPSHOT.schema.json`);
    ajv.addSchema(schema, `http://cyclonedx.org/schema/${refersAs}`);
  }
  return ajv.compile(load(others, 'bom-1.6.SNAPSHOT.schema.json'));
}

/** Fails with what is wrong, and where. */
export function expectValid(validate: ValidateFunction, value: unknown): void {
  const valid = validate(value);
  expect(validate.errors ?? [], JSON.stringify(validate.errors, null, 1)).toEqual([]);
  expect(valid).toBe(true);
}

// Every object that lists properties takes no others.
function shut(schema: unknown): AnySchemaObject {
  if (Array.isArray(schema)) return schema.map(shut) as unknown as AnySchemaObject;
  if (typeof schema !== 'object' || schema === null) return schema as unknown as AnySchemaObject;
  const inside: Record<string, unknown> = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, shut(value)]),
  );
  const { properties } = inside;
  const isList = typeof properties === 'object' && inside.type === 'object';
  return isList && inside.additionalProperties === undefined
    ? { ...inside, additionalProperties: false }
    : inside;
}
