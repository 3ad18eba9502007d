/** Data files that the bundler embeds as text. */
declare module '*.tsv' {
  const text: string;
  export default text;
}
declare module '*.yaml' {
  const text: string;
  export default text;
}
