package cloudtrail

import (
	stdjson "encoding/json"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events"
)

// maxFact is the largest value that is disclosed, in bytes of JSON. Of a larger
// one its digest is, under its name and "Digest"; the record has the rest.
const maxFact = 64 << 10

// facts are what an object says as digests only.
type facts []fact

type fact struct {
	name  string
	value any
}

// text adds a text, if there is one.
func (f *facts) text(name, value string) {
	switch {
	case value == "":
	case len(value) > maxFact:
		*f = append(*f, fact{name + "Digest", events.DigestOf([]byte(value)).String()})
	default:
		*f = append(*f, fact{name, value})
	}
}

// json adds a JSON value, if it says anything.
func (f *facts) json(name string, value jsontext.Value) {
	switch {
	case len(value) == 0 || string(value) == "null":
	case len(value) > maxFact:
		*f = append(*f, fact{name + "Digest", events.DigestOf(value).String()})
	default:
		*f = append(*f, fact{name, stdjson.RawMessage(value)})
	}
}

// seal makes disclosures of facts, keeps them with the draft and returns what
// stands for them.
func (d *draft) seal(f facts) ([]string, error) {
	made := make([]events.Disclosure, 0, len(f))
	for _, fact := range f {
		disclosure, err := events.NewDisclosure(fact.name, fact.value, d.Random)
		if err != nil {
			return nil, fmt.Errorf("disclose %s: %w", fact.name, err)
		}
		made = append(made, disclosure)
	}
	sd, err := events.SD(made, d.Random)
	d.disclosures = append(d.disclosures, made...)
	return sd, err
}

// lenient reads a member that AWS leaves to its services into v, and reports
// whether it could.
func lenient(value jsontext.Value, v any) bool {
	return len(value) > 0 && json.Unmarshal(value, v) == nil
}
