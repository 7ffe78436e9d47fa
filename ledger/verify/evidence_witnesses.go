package verify

import (
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// openedCosigned is a cosigned checkpoint that is the ledger's and of the same tree.
type openedCosigned struct {
	checkpoint *formats.Checkpoint
	// cosignatures are those of the trust file's witnesses; there may be none.
	cosignatures []formats.Cosignature
	quorum       bool
}

// openCosigned checks the cosigned checkpoints by the trust file's witnesses.
func (v *verification) openCosigned() error {
	var err error
	if v.policy, err = v.ledger.Witnesses(); err != nil {
		return err
	}
	for i, b := range v.bundle.Cosigned {
		c, err := v.openCosignedCheckpoint(b)
		if err != nil {
			return fmt.Errorf("cosigned checkpoint %d: %w", i+1, err)
		}
		v.cosigned = append(v.cosigned, c)
	}
	return nil
}

func (v *verification) openCosignedCheckpoint(b BundledCosigned) (*openedCosigned, error) {
	checkpoint, err := v.log.OpenCheckpoint(b.Checkpoint)
	if err != nil {
		return nil, err
	}
	if err := checkConsistency(b.Consistency, checkpoint, v.checkpoint); err != nil {
		return nil, err
	}
	c := &openedCosigned{checkpoint: checkpoint}
	if v.policy != nil {
		c.cosignatures, c.quorum, err = v.policy.Cosigned(b.Checkpoint)
	}
	return c, err
}

// witness is what the trust file says of a cosigner.
func (v *verification) witness(c *formats.Cosigner) (owner string, independent bool) {
	w, ok := v.trust.Witness(c.Key())
	if !ok {
		return "", false
	}
	return w.Owner, w.Independent && (v.ledger.Owner == "" || w.Owner != v.ledger.Owner)
}

func (v *verification) cosignatureBound(s formats.Cosignature, size uint64) StatedBound {
	b := StatedBound{Kind: ByWitness, By: s.By.Name(), Time: s.Time, Size: size}
	b.Owner, b.Independent = v.witness(s.By)
	return b
}

func (v *verification) statedCosigned(c *openedCosigned) StatedCosigned {
	stated := StatedCosigned{Size: c.checkpoint.Size, Quorum: v.policy != nil && v.policy.WantsQuorum() && c.quorum, Cosignatures: []StatedCosignature{}}
	for _, s := range c.cosignatures {
		owner, independent := v.witness(s.By)
		stated.Cosignatures = append(stated.Cosignatures, StatedCosignature{Witness: s.By.Name(), Key: s.By.Key(), Owner: owner, Independent: independent, Time: s.Time})
	}
	return stated
}

// speakOfWitnesses says who else has seen the tree, and when.
func (s *Statement) speakOfWitnesses(v *verification) {
	if v.policy == nil || len(v.policy.Witnesses) == 0 {
		s.open("That witnesses have seen the same tree: the trust file names none.")
		return
	}
	any, quorum := false, false
	for _, c := range s.Cosigned {
		for _, w := range c.Cosignatures {
			any = true
			s.proven("The witness %s, %s, cosigned the checkpoint of %s: it continues every one that this witness had cosigned before.", w.Witness, ownedBy(w.Owner, w.Independent, s.Ledger.Owner, "witness"), leafCount(c.Size))
			s.said("It did so at %s, by the word of the witness %s.", at(w.Time), w.Witness)
		}
		if c.Quorum {
			quorum = true
			s.proven("The checkpoint of %s is cosigned by as many witnesses as the trust file wants, %s.", leafCount(c.Size), v.policy.Quorum())
		}
	}
	switch {
	case !any:
		s.open("That witnesses have seen the same tree: the evidence holds no checkpoint that one of the trust file's has cosigned.")
	case !quorum && v.policy.WantsQuorum():
		s.open("That as many witnesses have seen the same tree as the trust file wants, %s.", v.policy.Quorum())
	}
	if missing := s.unseen(v.policy); any && len(missing) > 0 {
		s.open("That these witnesses of the trust file have seen the same tree: %s.", strings.Join(missing, ", "))
	}
}

// unseen returns the policy's witnesses of whom there is no cosignature.
func (s *Statement) unseen(p *formats.Policy) []string {
	seen := map[string]bool{}
	for _, c := range s.Cosigned {
		for _, w := range c.Cosignatures {
			seen[w.Key] = true
		}
	}
	var missing []string
	for _, w := range p.Witnesses {
		if !seen[w.Key.Key()] {
			missing = append(missing, w.Key.Name())
		}
	}
	return missing
}

// independentlyWitnessed tells whether somebody independent has cosigned the tree.
func (s *Statement) independentlyWitnessed() bool {
	for _, c := range s.Cosigned {
		for _, w := range c.Cosignatures {
			if w.Independent {
				return true
			}
		}
	}
	return false
}
