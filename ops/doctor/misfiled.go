package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/ops/disclosures"
)

// misfiled tells who filed disclosures where nobody would have found them.
func (e *examination) misfiled() {
	all, err := disclosures.ReadMisfiled(e.home.MisfiledFile())
	if err != nil {
		e.add("disclosures", Warn, err.Error(), "")
		return
	}
	var said []string
	for _, operator := range slices.Sorted(maps.Keys(all)) {
		m := all[operator]
		said = append(said, fmt.Sprintf("of %s %d were filed under another pseudonym than their event's and moved, and %d opened no event and were erased; the last at %s: %s",
			operator, m.Moved, m.Refused, m.Last.UTC().Format("2006-01-02 15:04:05Z"), m.Reason))
	}
	if len(said) == 0 {
		e.add("disclosures", OK, "all are filed under their events' pseudonyms", "")
		return
	}
	e.add("disclosures", Warn, strings.Join(said, "; "), "ask the operator which program sends its disclosures; when that is settled, remove "+e.home.MisfiledFile())
}
