package node_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/feeds"
	"github.com/saksi-ledger/saksi/schemas"
)

// TestMessagesAreAsAsyncAPISays holds what is sent, every field of it, to the
// document, and the document to what is sent.
func TestMessagesAreAsAsyncAPISays(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.AsyncAPI()))
	must(err)
	compiler := jsonschema.NewCompiler()
	must(compiler.AddResource("asyncapi.json", document))
	digest := events.DigestOf([]byte("x"))
	rejected := events.RejectedPlace{Body: digest, Leaf: 7, Code: "schema", Reason: "line 2"}
	for name, message := range map[string]any{
		"receiptsRequest": events.GetRequest{V: 1, Recorder: "a/b/c", Incarnation: 1, From: 1, Bodies: []events.Digest{digest}},
		"receiptsResponse": events.GetResponse{
			V: 1, Error: "why", Epoch: 1, Seq: 9, More: true, Rejected: []events.RejectedPlace{rejected},
			Accepted: []events.AcceptedPlace{{First: 1, Manifest: digest, Leaf: 3}},
		},
		"disclosures": disclosed.Message{
			V: 1, Recorder: "a/b/c", ID: "e-1", Event: digest, Recipients: []string{"age1x"}, Ciphertext: []byte("age"),
		},
		"rejectedPlace": rejected,
		"headsRequest":  events.HeadRequest{V: 1, After: "a/b/c", Seen: []byte("a signed note")},
		"headsResponse": events.HeadResponse{V: 1, Error: "why", Size: 7, More: true, Heads: []events.Head{{Recorder: "a/b/c", Incarnation: 1, Last: 2, Manifest: digest, Leaf: 3}}},
		"anchor":        rekor.Announcement{Rekor: "own", Size: 4, Entry: []byte(`{"logIndex":"1"}`), Checkpoint: "ledger\n4\n"},
		"change": feeds.Event{
			SpecVersion: "1.0", ID: "touches/1/1", Source: "/ledger/views", Type: "saksi.feed.touches.v1", Subject: "4/0",
			Time: time.Unix(0, 0).UTC(), ContentType: "application/json",
			Data: feeds.Data{Change: 1, Leaf: 4, Size: 5, Kind: projections.Added, Key: "4/0", Row: json.RawMessage(`{}`)},
		},
	} {
		compiled, err := compiler.Compile("asyncapi.json#/components/schemas/" + name)
		must(err)
		text, err := json.Marshal(message)
		must(err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		must(err)
		if err := compiled.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for field := range compiled.Properties {
			if _, sent := value.(map[string]any)[field]; !sent {
				t.Errorf("%s: the document has %s, and nobody sends it", name, field)
			}
		}
	}
}
