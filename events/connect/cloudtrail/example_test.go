package cloudtrail_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
)

// An import: find logs, read them, map each record, and know at the end what
// became of all of them.
func Example() {
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/cloudtrail")
	if err != nil {
		log.Fatal(err)
	}
	pseudonyms := map[string]string{} // kept by the operator, and nowhere else
	connector, err := cloudtrail.New(connect.Options{
		Recorder: recorder,
		Party:    events.PartyOperator,
		Pseudonym: func(principal string) (string, error) {
			if _, ok := pseudonyms[principal]; !ok {
				var b [16]byte
				_, _ = rand.Read(b[:]) // never fails
				pseudonyms[principal] = "p-" + hex.EncodeToString(b[:])
			}
			return pseudonyms[principal], nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	counts := map[string]int{}
	account, err := connect.Each(context.Background(), connector, []string{"testdata/log.json"}, nil, func(_ connect.Record, drafts []events.Draft) error {
		for _, draft := range drafts {
			counts[draft.Event.Type]++
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(counts[events.TypeAccessPerformed], "operations,", counts[events.TypeSessionOpened], "session opened,", counts[events.TypeSessionClosed], "closed,", account.Places, "damaged places")
	// Output:
	// 9 operations, 1 session opened, 1 closed, 0 damaged places
}
