package cloudtrail_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
)

// An import: find logs, read them, map each record, and know at the end whether
// anything was damaged.
func Example() {
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/cloudtrail")
	if err != nil {
		log.Fatal(err)
	}
	pseudonyms := map[string]string{} // kept by the operator, and nowhere else
	connector, err := cloudtrail.New(cloudtrail.Options{
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

	files, skipped, err := cloudtrail.Files("testdata/log.json")
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range skipped {
		log.Printf("skipped %s, which is not named like a log", name)
	}
	counts, damaged := map[string]int{}, 0
	for _, file := range files {
		for record, err := range cloudtrail.Records(file) {
			var damage *cloudtrail.DamageError
			if errors.As(err, &damage) {
				damaged++
				continue
			} else if err != nil {
				log.Fatal(err)
			}
			draft, err := connector.Draft(record.Raw)
			if errors.Is(err, cloudtrail.ErrInsight) {
				continue
			} else if err != nil {
				log.Fatalf("%s, line %d: %v", record.File, record.Line, err)
			}
			counts[draft.Event.Type]++
		}
	}
	fmt.Println(counts[events.TypeAccessPerformed], "operations,", counts[events.TypeSessionOpened], "session opened,", counts[events.TypeSessionClosed], "closed,", damaged, "damaged places")
	// Output:
	// 9 operations, 1 session opened, 1 closed, 0 damaged places
}
