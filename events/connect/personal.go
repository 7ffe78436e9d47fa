package connect

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events"
)

const (
	// MaxFact is the largest value that is disclosed, in bytes of JSON. Of a larger
	// one its digest is, under its name and "Digest"; the record has the rest.
	MaxFact = 64 << 10

	// maxPseudonym is the longest pseudonym that the schemas take.
	maxPseudonym = 128

	// minTelling is the length in bytes from which a name that occurs in a
	// pseudonym can't be there by chance.
	minTelling = 8
)

// Facts are what an object of an event says as salted digests only.
type Facts []Fact

// Fact is one of them.
type Fact struct {
	Name  string
	Value any
}

// Text adds a text, if there is one.
func (f *Facts) Text(name, value string) {
	switch {
	case value == "":
	case len(value) > MaxFact:
		*f = append(*f, Fact{name + "Digest", events.DigestOf([]byte(value)).String()})
	default:
		*f = append(*f, Fact{name, value})
	}
}

// JSON adds a JSON value, if it says anything.
func (f *Facts) JSON(name string, value jsontext.Value) {
	switch {
	case len(value) == 0 || string(value) == "null":
	case len(value) > MaxFact:
		*f = append(*f, Fact{name + "Digest", events.DigestOf(value).String()})
	default:
		*f = append(*f, Fact{name, json.RawMessage(value)})
	}
}

// Personal keeps the personal data of one event out of its open part: names
// become pseudonyms, and facts become salted digests, whose disclosures it
// collects. It belongs to one goroutine.
type Personal struct {
	pseudonym   func(string) (string, error)
	random      io.Reader
	disclosures []events.Disclosure
}

// NewPersonal returns an empty Personal. See [Options] for its parameters.
func NewPersonal(pseudonym func(principal string) (string, error), random io.Reader) *Personal {
	return &Personal{pseudonym: pseudonym, random: random}
}

// Disclosures returns what opens the digests that were made.
func (p *Personal) Disclosures() []events.Disclosure { return p.disclosures }

// SD makes disclosures of facts and returns what stands for them in an object's
// _sd.
func (p *Personal) SD(facts Facts) ([]string, error) {
	made := make([]events.Disclosure, 0, len(facts))
	for _, fact := range facts {
		disclosure, err := events.NewDisclosure(fact.Name, fact.Value, p.random)
		if err != nil {
			return nil, fmt.Errorf("disclose %s: %w", fact.Name, err)
		}
		made = append(made, disclosure)
	}
	sd, err := events.SD(made, p.random)
	p.disclosures = append(p.disclosures, made...)
	return sd, err
}

// Pseudonym returns the pseudonym of a principal, which is <kind>:<name>, and
// sees that it is fit to stand in an event: it must hold neither the principal
// nor one of some further names that it stands for.
func (p *Personal) Pseudonym(principal string, names ...string) (string, error) {
	made, err := p.pseudonym(principal)
	kind, name, _ := strings.Cut(principal, ":")
	switch {
	case err != nil:
		return "", fmt.Errorf("pseudonym of a %s: %w", kind, err)
	case made == "" || len(made) > maxPseudonym || !utf8.ValidString(made) || strings.ContainsFunc(made, unicode.IsControl):
		return "", fmt.Errorf("pseudonym of a %s: want 1 to %d bytes of printable UTF-8", kind, maxPseudonym)
	}
	for _, known := range append([]string{principal, name}, names...) {
		if made == known || len(known) >= minTelling && strings.Contains(made, known) {
			return "", fmt.Errorf("pseudonym of a %s: it holds a name that it should stand for; pseudonyms are random", kind)
		}
	}
	return made, nil
}
