import { policyJsonSchema } from '../../policy/json-schema.ts';
import { type Context, EXIT } from '../context.ts';

/** `paddock policy schema`: what a policy file may say, as JSON Schema. */
export async function run(context: Context): Promise<number> {
  context.stdout.write(`${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
  return EXIT.ok;
}
