package cloudtrail_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
	"github.com/saksi-ledger/saksi/events/connect/connecttest"
)

// newConnector returns a connector whose randomness, and with it whatever a test
// finds, is the same each time.
func newConnector(t testing.TB, seed byte, names *connecttest.Table) drafter {
	t.Helper()
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/cloudtrail")
	if err != nil {
		t.Fatal(err)
	}
	c, err := cloudtrail.New(connect.Options{
		Recorder: recorder, Party: events.PartyOperator, Pseudonym: names.Pseudonym, Random: rand.NewChaCha8([32]byte{seed}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return drafter{c}
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
