package schema_test

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/saksi-ledger/saksi/schemas"
)

// typical is an access event as connectors write them, about 700 bytes.
const typical = `{"specversion":"1.0","id":"zT1OtIX9aV9H5WKv","source":"/nimbus-my/lab-1/bastion-1",` +
	`"type":"saksi.access.performed.v1","subject":"host-0113","time":"2026-11-23T08:15:30.125Z","nonce":"5O1i8vFczy1zHD2bb9XaRQ",` +
	`"data":{"session":"s-20261123-0042","actor":{"id":"p-7f3a9c","kind":"person","party":"parent","employerCountry":"US",` +
	`"officeCountry":"IE","physicalCountry":"IN","_sd":["9G3SilSZ2O_vC4-47h7BxaXkB8k4F0HVdrqN609Z7D8","LDpCSddwcAWGSdvYItyveVdYb85CjPssqIuUdB7aiwc"]},` +
	`"operation":"kvm.console.attach","resource":{"kind":"hypervisor","digest":"sha256:6eeb55f76600d4ad08be72ad3ac13d969330e73d7ad53031557dab443eba22db"},` +
	`"access":"admin","outcome":"success","reason":{"code":"production_alert"},"mode":"remote","from":{"country":"IN"}}}`

func benchmark(b *testing.B, doc []byte, validate func() error) {
	if err := validate(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	const typ = "saksi.access.performed.v1"
	set, ref, line := current(b), newReference(b), []byte(typical)
	data := dataOf(line)
	b.Run("event", func(b *testing.B) {
		benchmark(b, line, func() error { return set.ValidateEvent(typ, line) })
	})
	b.Run("data", func(b *testing.B) {
		benchmark(b, data, func() error { return set.Validate(typ, data) })
	})
	b.Run("data/jsonschema", func(b *testing.B) {
		benchmark(b, data, func() error {
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				return err
			}
			return ref[typ].Validate(v)
		})
	})
	for _, ex := range schemas.Examples() {
		if ex.Type == typ && ex.Name == "remote" {
			full := compact(b, ex.Event)
			b.Run("event/full", func(b *testing.B) {
				benchmark(b, full, func() error { return set.ValidateEvent(typ, full) })
			})
		}
	}
}
