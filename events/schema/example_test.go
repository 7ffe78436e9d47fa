package schema_test

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/schemas"
)

func ExampleSet_Validate() {
	set, err := schema.Compile(schemas.CurrentRuleset())
	if err != nil {
		panic(err)
	}
	fmt.Println(set.Validate(events.TypeKeyRevoked, []byte(`{"operator":"nimbus-my","keyid":"7bd9","reason":"stolen"}`)))
	fmt.Println(set.Validate(events.TypeOperatorSuspended, []byte(`{"operator":"nimbus-my"}`)))
	fmt.Println(set.Validate(events.TypeOperatorSuspended, []byte(`{"operator":"nimbus-my","reason":"order-2026-17"}`)))
	// Output:
	// data.keyid: "7bd9" does not match ^[0-9a-f]{64}$
	// data.reason: missing
	// <nil>
}
