package rekor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const policyFile = "policy.json"

// Anchoring is how far anchoring has come by a policy over several Rekors.
type Anchoring struct {
	Policy verify.AnchorPolicy
	// Rekors are those that are asked, as the node's last start has them.
	Rekors []Status
	// Size is that of the largest checkpoint that stands in as many Rekors as the policy
	// wants.
	Size uint64
}

type keptPolicy struct {
	Policy string   `json:"policy"`
	Rekors []string `json:"rekors"`
}

func (a *Anchorer) writePolicy() error {
	kept := keptPolicy{Policy: a.config.Policy.String(), Rekors: []string{}}
	for _, l := range a.lines {
		kept.Rekors = append(kept.Rekors, l.rekor.Name)
	}
	b, err := json.MarshalIndent(kept, "", "  ")
	if err == nil {
		err = durable.MkdirAll(a.config.Dir, 0o755)
	}
	if err == nil {
		err = durable.WriteFile(filepath.Join(a.config.Dir, policyFile), append(b, '\n'), 0o644)
	}
	return err
}

// ReadAnchoring returns how far anchoring has come in dir, which is [DirName] in a
// ledger's directory. The error wraps [fs.ErrNotExist] if nothing was ever to be anchored.
func ReadAnchoring(dir string) (*Anchoring, error) {
	b, err := durable.ReadFile(filepath.Join(dir, policyFile), maxFile)
	if err != nil {
		return nil, fmt.Errorf("read the anchor policy: %w", err)
	}
	var kept keptPolicy
	if err := json.Unmarshal(b, &kept); err != nil {
		return nil, fmt.Errorf("read the anchor policy: %w", err)
	}
	a := &Anchoring{}
	if a.Policy, err = verify.ParseAnchorPolicy(kept.Policy); err != nil {
		return nil, err
	}
	all, err := ReadStatus(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, name := range kept.Rekors {
		i := slices.IndexFunc(all, func(s Status) bool { return s.Rekor == name })
		if i < 0 { // it was never reached
			a.Rekors = append(a.Rekors, Status{Rekor: name})
			continue
		}
		a.Rekors = append(a.Rekors, all[i])
	}
	a.Size = anchored(a.Policy, a.Rekors)
	return a, nil
}

// Anchored returns the size up to which leaves are anchored by the policy. It is safe
// for concurrent use.
func (a *Anchorer) Anchored() uint64 { return anchored(a.config.Policy, a.Status()) }

func anchored(p verify.AnchorPolicy, all []Status) uint64 {
	sizes := make([]uint64, len(all))
	for i, s := range all {
		sizes[i] = s.Size
	}
	return p.Anchored(sizes)
}

// Lag returns what waits, by the policy, of a ledger of size leaves: as long as the
// Rekor waits that would suffice.
func (a *Anchoring) Lag(size uint64) Lag {
	want, err := a.Policy.Of(len(a.Rekors))
	if err != nil || want == 0 {
		return Lag{}
	}
	lags := make([]Lag, len(a.Rekors))
	for i, s := range a.Rekors {
		lags[i] = s.Lag(size)
	}
	slices.SortFunc(lags, func(x, y Lag) int {
		switch {
		case x.Since < y.Since || x.Since == y.Since && x.Leaves < y.Leaves:
			return -1
		case x == y:
			return 0
		}
		return 1
	})
	return lags[want-1]
}
