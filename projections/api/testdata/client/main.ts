// A client that was made from the API's document, and asks a real server by it.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const [base, token] = process.argv.slice(2);
assert(base && token, "want the server's URL and a token");
const reader = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: base, headers: { Authorization: `Bearer ${token}` } });
const anybody = createClient<paths, `${string}/${string}`>({ baseUrl: base });

const views = await reader.GET("/v1/views");
assert(views.data, "the list of views");
assert(views.data.views.some((v) => v.name === "touches" && v.columns.length > 10));

// All pages of a view: each row once, of one tree size.
type Row = components["schemas"]["CompletenessRow"];
const rows: Row[] = [];
let cursor: string | undefined;
let size: number | undefined;
do {
  const page = await reader.GET("/v1/views/completeness", {
    params: { query: { limit: 1, order: "asc", ...(cursor === undefined ? {} : { cursor }) } },
  });
  assert(page.data, JSON.stringify(page.error));
  size ??= page.data.size;
  assert.equal(page.data.size, size);
  assert.equal(page.response.headers.get("Saksi-Root"), page.data.root);
  rows.push(...page.data.rows);
  cursor = page.data.next;
} while (cursor !== undefined);
assert(rows.length > 0, "there are no recorders");
assert.equal(new Set(rows.map((row) => row.key)).size, rows.length);

// A column is a filter, and so is a condition.
const [row] = rows;
assert(row);
const same = await reader.GET("/v1/views/completeness", {
  params: { query: { facility: row.facility, operator: row.operator, where: [`key=${row.key}`], as_of: size! } },
});
assert.deepEqual(same.data?.rows, [row]);
const none = await reader.GET("/v1/views/touches", {
  params: { query: { where: ["time>=1990-01-01", "time<1990-01-02", "actor.party=operator"] } },
});
assert.deepEqual(none.data?.rows, []);

// From a row to its proof.
const entry = await anybody.GET("/v1/entries/{index}", { params: { path: { index: row.from_leaf } } });
assert(entry.data, JSON.stringify(entry.error));
assert.equal(entry.data.links.proof, row.links.proof);
const proof = await anybody.GET("/v1/entries/{index}/proof", { params: { path: { index: row.from_leaf } }, parseAs: "text" });
assert(proof.data?.startsWith("c2sp.org/tlog-proof@v1\n"));
const checkpoint = await anybody.GET("/v1/checkpoint", { parseAs: "text" });
assert.equal(checkpoint.data?.split("\n")[1], entry.data.checkpoint.split("\n")[1]);
const anchors = await anybody.GET("/v1/anchors");
assert(Array.isArray(anchors.data?.anchors));

// Problems are as the document says.
const refused = await anybody.GET("/v1/views/touches");
assert.equal(refused.response.status, 401);
assert.equal(refused.error?.status, 401);
const mistyped = await reader.GET("/v1/views/touches", { params: { query: { where: ["facilty=lab-1"] } } });
assert.equal(mistyped.response.status, 422);
assert.match(mistyped.error?.detail ?? "", /facility/);

// A feed's first event.
const feed = await reader.GET("/v1/feeds/completeness/events", { parseAs: "stream" });
assert(feed.data);
const stream = feed.data.getReader();
const decoder = new TextDecoder();
let text = "";
while (!/\ndata: .*\n\n/.test(text)) {
  const chunk = await stream.read();
  assert(!chunk.done, "the feed ended");
  text += decoder.decode(chunk.value, { stream: true });
}
await stream.cancel();
const data = /\ndata: (.*)\n\n/.exec(text)?.[1];
assert(data);
const event: components["schemas"]["CompletenessEvent"] = JSON.parse(data);
assert.equal(event.specversion, "1.0");
// A change's number is that of its leaf, and of its place among that leaf's changes.
assert.equal(Math.floor(event.data.change / 2 ** 20), event.data.leaf);
assert.equal(event.data.change % 2 ** 20, 1);
assert.equal(event.data.kind, "added");

console.log(`the client works: ${views.data.views.length} views, ${rows.length} recorders as of ${size} leaves`);
