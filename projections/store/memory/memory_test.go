package memory_test

import (
	"testing"

	"github.com/saksi-ledger/saksi/projections/store"
	"github.com/saksi-ledger/saksi/projections/store/memory"
	"github.com/saksi-ledger/saksi/projections/store/storetest"
)

func TestBackend(t *testing.T) {
	storetest.Run(t, storetest.Harness{New: func(testing.TB) store.Backend { return memory.New() }})
}
