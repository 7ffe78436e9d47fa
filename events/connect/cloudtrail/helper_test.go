package cloudtrail_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/schemas"
)

// table is an operator's table of pseudonyms.
type table struct {
	names  map[string]string
	random *rand.ChaCha8
}

func (t *table) pseudonym(principal string) (string, error) {
	p, ok := t.names[principal]
	if !ok {
		var b [16]byte
		t.random.Read(b[:])
		p = "p-" + hex.EncodeToString(b[:])
		t.names[principal] = p
	}
	return p, nil
}

// newConnector returns a connector whose randomness, and with it whatever a test
// finds, is the same each time.
func newConnector(t testing.TB, seed byte, names *table) drafter {
	t.Helper()
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/cloudtrail")
	if err != nil {
		t.Fatal(err)
	}
	c, err := cloudtrail.New(connect.Options{
		Recorder: recorder, Party: events.PartyOperator, Pseudonym: names.pseudonym, Random: rand.NewChaCha8([32]byte{seed}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return drafter{c}
}

func newTable() *table {
	return &table{names: map[string]string{}, random: rand.NewChaCha8([32]byte{1})}
}

var compiled = sync.OnceValues(func() (*schema.Set, error) { return schema.Compile(schemas.CurrentRuleset()) })

// line returns the event as it is published, after judging it as admission would.
func line(t testing.TB, d *events.Draft) []byte {
	t.Helper()
	set, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Event.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := set.ValidateEvent(d.Event.Type, b); err != nil {
		t.Fatalf("event breaks its schema: %v\n%s", err, b)
	}
	return b
}

// opened returns data with each _sd replaced by what is disclosed of it. Every
// disclosure must be found in exactly one place.
func opened(t testing.TB, d *events.Draft) any {
	t.Helper()
	disclosures := map[string]events.Disclosure{}
	for _, one := range d.Disclosures {
		disclosures[one.Digest()] = one
	}
	var data any
	if err := json.Unmarshal(d.Event.Data, &data); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		object, ok := v.(map[string]any)
		if !ok {
			return
		}
		for name, v := range object {
			if name != "_sd" {
				walk(v)
				continue
			}
			known := map[string]any{}
			for _, digest := range v.([]any) {
				one, ok := disclosures[digest.(string)]
				if !ok {
					continue // a decoy
				}
				delete(disclosures, digest.(string))
				fact, value, err := one.Open()
				if err != nil {
					t.Fatal(err)
				}
				if _, taken := object[fact]; taken || known[fact] != nil {
					t.Errorf("%s is disclosed beside itself", fact)
				}
				known[fact] = value
			}
			object[name] = known
		}
	}
	walk(data)
	if len(disclosures) > 0 {
		t.Errorf("%d disclosures belong to no digest of the event", len(disclosures))
	}
	return data
}

// drafter makes the one event of a record.
type drafter struct{ connect.Connector }

func (c drafter) Draft(record []byte) (*events.Draft, error) {
	drafts, err := c.Connector.Draft(record)
	if err != nil {
		return nil, err
	}
	if len(drafts) != 1 {
		return nil, fmt.Errorf("%d events of one record", len(drafts))
	}
	return &drafts[0], nil
}

// collect reads a log to its end.
func collect(content, name string) (raw []string, damage []error) {
	for record, err := range connect.Read(strings.NewReader(content), name, connect.Format{}) {
		if err != nil {
			damage = append(damage, err)
		} else {
			raw = append(raw, string(record.Raw))
		}
	}
	return raw, damage
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
