// What does AsyncAPI's own parser say about the document in this file?
import { Parser, fromFile } from "@asyncapi/parser";

const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
// 0 is an error, 1 a warning; 2 and 3 are advice.
const said = diagnostics.filter((d) => d.severity <= 1);
for (const d of said) {
  console.error(`${d.severity === 0 ? "error" : "warning"} ${d.code} at ${d.path.join(".")}: ${d.message}`);
}
if (!document || said.length > 0) process.exit(1);
console.log(`valid: AsyncAPI ${document.version()}, ${document.channels().length} channels, ${document.operations().length} operations, ${document.allMessages().length} messages`);
