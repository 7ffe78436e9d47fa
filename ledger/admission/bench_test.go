package admission_test

import (
	"fmt"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

// Everything about a message that doesn't depend on others, signature and schema
// included, on all processors: envelopes of 1 and of 32 events, their key known.
func BenchmarkPrepare(b *testing.B) {
	genesis := newGenesis(b)
	m := begin(b, genesis)
	m.want(b, "", registry, genesis)
	m.say(b, "", registryEvent(b, events.TypeOperatorAdmitted, events.OperatorAdmitted{
		Operator: nimbus, Country: "US", Keys: []string{signer(nimbus).PublicKey().String()},
	}))
	by := recorder(b, nimbus+"/"+lab+"/bastion-1")
	const chunk = 256
	for _, each := range []int{1, 32} {
		b.Run(fmt.Sprintf("events=%d", each), func(b *testing.B) {
			messages := make([]admission.Message, chunk)
			bytes := 0
			for i := range messages {
				said := make([]*events.Event, each)
				for k := range said {
					said[k] = access(b, by)
				}
				manifest := &events.Manifest{Recorder: by, Incarnation: 1, First: uint64(i*each) + 1}
				messages[i] = admission.Message{Subject: by.Subject(), Body: seal(b, manifest, []*events.Signer{signer(nimbus)}, said...)}
				bytes += len(messages[i].Body)
			}
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				m.rules.Prepare(messages)
			}
			b.ReportMetric(float64(b.N*chunk*each)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
