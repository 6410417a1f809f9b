// Prints what the AsyncAPI project's parser finds in the document on standard input, as JSON.
const { Parser } = require("@asyncapi/parser");

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { document, diagnostics } = await new Parser().parse(Buffer.concat(chunks).toString("utf8"));
  const found = diagnostics.map(({ code, message, path, severity }) => ({ code, message, path, severity }));
  console.log(JSON.stringify({ parsed: document !== undefined, found }));
}

main();
