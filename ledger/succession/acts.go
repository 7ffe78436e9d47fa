package succession

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Options are for [Snapshot.Acts].
type Options struct {
	// Authority is the one that runs the tree which takes the place of the other.
	Authority string
	// Policy is the policy of witnesses in force there already; empty if there is none.
	Policy string
	// Without are keys that counted, and shall not any more. An authority whose key is
	// among them is not admitted.
	Without []events.KeyID
	// Reason is why the tree was ended, for the record.
	Reason string
}

// Act is something that the new registry says of what was current in the old one.
type Act struct {
	// ID is the same whenever the same is taken over from the same tree.
	ID string
	// Subject names where it was last said: see [events.LeafOf].
	Subject string
	Said    vocabulary.Said
	// What says for people what it is about.
	What string
}

// actPrefix begins the ids of acts that are taken over.
const actPrefix = "adopted-"

// mostKeys is the schema's, of an operator's admission.
const mostKeys = 16

// Acts returns what takes over what was current, in an order in which each has what it
// rests on. What was revoked, suspended or retired is said to be. left says, for people,
// what is not taken over, and why.
func (e *Snapshot) Acts(o Options) (acts []Act, left []string, err error) {
	a := &acting{Snapshot: e, options: o}
	if err := a.known(); err != nil {
		return nil, nil, err
	}
	without := make([]string, len(o.Without))
	for i, id := range o.Without {
		without[i] = string(id)
	}
	slices.Sort(without)
	a.add("", events.Ref{}, e.Checkpoint.Origin, vocabulary.PredecessorAdopted.Of(events.PredecessorAdopted{
		Origin: e.Checkpoint.Origin, Size: events.Integer(e.Checkpoint.Size), Root: e.Checkpoint.Root.String(), Without: slices.Compact(without), Reason: o.Reason,
	}))
	a.authorities()
	a.operators()
	a.facilities()
	a.tenants()
	a.holds()
	a.witnesses()
	return a.acts, a.left, nil
}

type acting struct {
	*Snapshot
	options Options
	acts    []Act
	left    []string
}

// add adds an act about what, which was last said at a place.
func (a *acting) add(kind string, at events.Ref, what string, s vocabulary.Said) {
	sum := sha256.Sum256([]byte(a.Checkpoint.Origin + "\n" + s.Type() + "\n" + what))
	act := Act{ID: actPrefix + hex.EncodeToString(sum[:16]), Said: s, What: strings.TrimSpace(kind + " " + what)}
	if kind != "" {
		act.Subject = events.LedgerRef{Origin: a.Checkpoint.Origin, Ref: at}.String()
	}
	a.acts = append(a.acts, act)
}

func (a *acting) leave(format string, args ...any) {
	a.left = append(a.left, fmt.Sprintf(format, args...))
}

// known refuses keys that the registry never had: whoever names one means another.
func (a *acting) known() error {
	for _, id := range a.options.Without {
		if _, _, known := a.Registry.KeyOwner(id); !known {
			return fmt.Errorf("key %s: the registry of %s never had it", id, a.Checkpoint.Origin)
		}
	}
	return nil
}

func (a *acting) leftOut(id events.KeyID) bool { return slices.Contains(a.options.Without, id) }

// text returns a key as registry events have it.
func (a *acting) text(id events.KeyID) string {
	key, _ := a.Registry.PublicKey(id)
	return key.String()
}

func (a *acting) authorities() {
	for _, one := range sorted(a.Registry.Authorities(), func(x admission.Authority) string { return x.Name }) {
		admitted, seated := a.Snapshot.authorities[one.Name]
		switch {
		case one.Name == a.options.Authority:
		case !seated:
			a.leave("authority %s, which the genesis named, has no seat to be taken over: it enrols for one", one.Name)
		case a.leftOut(one.Key) || one.Recovery != "" && a.leftOut(one.Recovery):
			a.leave("authority %s, whose key is left out: it enrols anew", one.Name)
		default:
			d := events.AuthorityAdmitted{
				Authority: one.Name, Name: admitted.what.Name, Key: a.text(one.Key), Recipient: one.Recipient,
				Connection: admitted.what.Connection, Mandate: one.Mandate,
			}
			if one.Recovery != "" {
				d.RecoveryKey = a.text(one.Recovery)
			}
			a.add("authority", admitted.at, one.Name, vocabulary.AuthorityAdmitted.Of(d))
		}
	}
}

func (a *acting) operators() {
	for _, one := range sorted(a.Registry.Operators(), func(x admission.Operator) string { return x.Name }) {
		admitted := a.Snapshot.operators[one.Name]
		// Those that count come first: there may be more than an admission holds.
		keys := a.Registry.KeysOf(one.Name)
		slices.SortStableFunc(keys, func(x, y admission.PartyKey) int { return cmp.Compare(min(x.RevokedBy, 1), min(y.RevokedBy, 1)) })
		d := events.OperatorAdmitted{Operator: one.Name, Country: one.Country, Name: admitted.what.Name, Connection: admitted.what.Connection}
		for _, k := range keys[:min(len(keys), mostKeys)] {
			d.Keys = append(d.Keys, a.text(k.ID))
		}
		a.add("operator", admitted.at, one.Name, vocabulary.OperatorAdmitted.Of(d))
		for _, k := range keys[min(len(keys), mostKeys):] {
			a.add("key of", admitted.at, one.Name+" "+string(k.ID), vocabulary.KeyAdded.Of(events.KeyAdded{Operator: one.Name, Key: a.text(k.ID)}))
		}
		// A key that was revoked is named and revoked: so it can't return here either.
		for _, k := range keys {
			revoked, at := a.revoked[k.ID].what, a.revoked[k.ID].at
			switch {
			case k.RevokedBy > 0:
			case a.leftOut(k.ID):
				revoked, at = events.KeyRevoked{Reason: a.options.Reason}, admitted.at
			default:
				continue
			}
			revoked.Operator, revoked.KeyID = one.Name, string(k.ID)
			a.add("revoked key of", at, one.Name+" "+string(k.ID), vocabulary.KeyRevoked.Of(revoked))
		}
		if one.Suspended {
			s := a.suspended[one.Name]
			a.add("suspension of", s.at, one.Name, vocabulary.OperatorSuspended.Of(s.what))
		}
	}
}

func (a *acting) facilities() {
	type retired struct {
		kind, name string
		said       vocabulary.Said
	}
	var over []retired
	for _, one := range sorted(a.Registry.Facilities(), func(x admission.Facility) string { return x.Name }) {
		a.add("facility", a.Snapshot.facilities[one.Name].at, one.Name, vocabulary.FacilityDeclared.Of(one.Declaration()))
		if one.Retired {
			over = append(over, retired{"end of facility", one.Name, vocabulary.FacilityRetired.Of(events.FacilityRetired{Facility: one.Name, Reason: a.ended[one.Name].what})})
		}
	}
	for _, one := range sorted(a.Registry.Recorders(), func(x admission.Recorder) string { return x.Name }) {
		d := events.RecorderDeclared{Recorder: one.Name, Kind: events.RecorderKind(one.Kind), AttestEverySeconds: events.Integer(one.AttestEverySeconds)}
		if one.Signatures > 1 {
			d.Signatures = events.Integer(one.Signatures)
		}
		a.add("recorder", a.recorders[one.Name].at, one.Name, vocabulary.RecorderDeclared.Of(d))
		if one.Retired {
			over = append(over, retired{"end of recorder", one.Name, vocabulary.RecorderRetired.Of(events.RecorderRetired{Recorder: one.Name, Reason: a.ended[one.Name].what})})
		}
		name, err := events.ParseRecorder(one.Name)
		if err != nil {
			continue
		}
		if h, ok := a.Heads[name]; ok {
			a.add("place of recorder", events.Ref{Leaf: h.Leaf}, one.Name, vocabulary.RecorderContinued.Of(events.RecorderContinued{
				Recorder: one.Name, Incarnation: events.Integer(h.Incarnation), Last: events.Integer(h.Last), Manifest: h.Manifest.String(), Leaf: events.Integer(h.Leaf),
			}))
		} else if a.Withheld > 0 {
			a.leave("where recorder %s stood: bodies are withheld from the copy", one.Name)
		}
	}
	// Recorders end before the facilities that they are at.
	slices.SortStableFunc(over, func(x, y retired) int { return -cmp.Compare(x.kind, y.kind) })
	for _, r := range over {
		a.add(r.kind, a.ended[r.name].at, r.name, r.said)
	}
}

func (a *acting) tenants() {
	for _, one := range a.Registry.Tenants() {
		a.add("customer", a.Snapshot.tenants[tenant{one.Operator, one.Name}].at, strings.TrimPrefix(one.Operator+"/"+one.Name, "/"), vocabulary.TenantDeclared.Of(events.TenantDeclared{
			Tenant: one.Name, Operator: one.Operator, Sector: one.Sector, Country: one.Country,
		}))
	}
}

// holds takes over legal holds: what they cover may be said here too. Who runs the tree
// has placed them then.
func (a *acting) holds() {
	taken := map[string]bool{}
	for _, one := range a.Registry.Holds() {
		d := one.HoldPlaced
		if taken[d.Hold] {
			d.Hold = d.Hold[:min(len(d.Hold), 80)] + "@" + one.By
		}
		taken[d.Hold] = true
		a.add("hold", a.Snapshot.holds[hold{one.By, one.Hold}].at, one.By+" "+one.Hold, vocabulary.HoldPlaced.Of(d))
		if one.By != a.options.Authority {
			a.leave("that %s placed the hold %s: %s has placed it now, and releases it", one.By, one.Hold, a.options.Authority)
		}
	}
}

// witnesses takes over the policy of witnesses where the new tree has none. They cosign
// when they have been told of its key.
func (a *acting) witnesses() {
	policy := withoutLogs(a.Snapshot.witnesses.what)
	if policy == "" || policy == a.options.Policy {
		return
	}
	if a.options.Policy != "" {
		a.leave("the policy of witnesses: the genesis has one of its own")
		return
	}
	if _, err := formats.ParsePolicy([]byte(policy)); err != nil {
		a.leave("the policy of witnesses, which can't be read: %v", err)
		return
	}
	a.add("policy of witnesses", a.Snapshot.witnesses.at, "of "+a.Checkpoint.Origin, vocabulary.WitnessesAdopted.Of(events.WitnessesAdopted{Policy: policy, Reason: a.options.Reason}))
}

// withoutLogs leaves out the lines of a policy that say which logs it is for.
func withoutLogs(policy string) string {
	var kept []string
	for line := range strings.Lines(policy) {
		if fields := strings.Fields(line); len(fields) == 0 || fields[0] != "log" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Party is somebody who was let in, and can be again.
type Party struct {
	Name       string
	Connection string // a public nkey; empty: the registry doesn't say
	Suspended  bool
	// Keyless is true where no key of it is left: it enrols anew.
	Keyless bool
}

// Operators returns the operators that [Snapshot.Acts] takes over, by name.
func (e *Snapshot) Operators(o Options) []Party {
	var all []Party
	for _, one := range sorted(e.Registry.Operators(), func(x admission.Operator) string { return x.Name }) {
		keyless := !slices.ContainsFunc(e.Registry.KeysOf(one.Name), func(k admission.PartyKey) bool {
			return k.RevokedBy == 0 && !slices.Contains(o.Without, k.ID)
		})
		all = append(all, Party{Name: one.Name, Connection: e.operators[one.Name].what.Connection, Suspended: one.Suspended, Keyless: keyless})
	}
	return all
}

// Seats returns the authorities that [Snapshot.Acts] takes over, by name.
func (e *Snapshot) Seats(o Options) []Party {
	var all []Party
	for _, one := range sorted(e.Registry.Authorities(), func(x admission.Authority) string { return x.Name }) {
		admitted, seated := e.authorities[one.Name]
		if !seated || one.Name == o.Authority || slices.Contains(o.Without, one.Key) || slices.Contains(o.Without, one.Recovery) {
			continue
		}
		all = append(all, Party{Name: one.Name, Connection: admitted.what.Connection})
	}
	return all
}

func sorted[T any](all []T, name func(T) string) []T {
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
	return all
}
