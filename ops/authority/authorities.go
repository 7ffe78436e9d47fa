package authority

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
)

// AddAuthority gives an authority a seat in the ledger, within a mandate: first in the
// registry, then at the broker. It returns the grant and the leaf. It may be repeated,
// for a lost grant or for another mandate.
func (r *Registrar) AddAuthority(ctx context.Context, request *home.Request, title string, mandate events.Mandate) (*home.Grant, uint64, error) {
	if err := r.runs("let authorities connect"); err != nil {
		return nil, 0, err
	}
	if request.Role != home.RoleMember {
		return nil, 0, hinted{fmt.Errorf("the request of %s is for the role %s, not of an authority", request.Name, request.Role), "it is made with saksi enrol --role authority"}
	}
	leaf, err := r.say(ctx, vocabulary.AuthorityAdmitted.Of(events.AuthorityAdmitted{
		Authority: request.Name, Name: title, Key: request.Key, RecoveryKey: request.RecoveryKey, Recipient: request.Recipient,
		Connection: request.Connection, Mandate: mandate,
	}))
	if err != nil {
		return nil, 0, fmt.Errorf("admit authority %s: %w", request.Name, err)
	}
	admission, err := r.broker.AdmitAuthority(request.Name, request.Connection, broker.Limits{})
	if err != nil {
		return nil, 0, err
	}
	if err := r.broker.PushAuthority(ctx, r.addresses.LocalNATS, request.Name); err != nil {
		return nil, 0, err
	}
	grant, err := grantTo(r.home, r.addresses, request, admission.UserJWT)
	if err != nil {
		return nil, 0, err
	}
	return grant, leaf, nil
}

// RotateKey replaces the key that signs what this authority says in the registry. by
// is the key in use, or the recovery key if that is lost or in wrong hands: with it,
// and only with it, recovery may name another recovery key. spec is of the new key. A rotation that was cut
// short goes on when it is repeated.
func (r *Registrar) RotateKey(ctx context.Context, by *events.Signer, replaces events.KeyID, recovery *events.PublicKey, spec home.KeySpec, reason string) (events.PublicKey, uint64, error) {
	var keys interface {
		NextSigner(home.KeySpec) (*events.Signer, error)
		UseNext() error
	} = r.member
	if r.home != nil {
		keys = r.home
	}
	next, err := keys.NextSigner(spec)
	if err != nil {
		return events.PublicKey{}, 0, err
	}
	public := next.PublicKey()
	d := events.AuthorityRotated{Authority: r.name, Key: public.String(), Replaces: string(replaces), Reason: reason}
	if recovery != nil {
		d.RecoveryKey = recovery.String()
	}
	event, err := vocabulary.AuthorityRotated.Of(d).Event(r.recorder(), vocabulary.Attributes{
		// One id for each new key: what was said before the power went is not said twice.
		ID: "rotate-" + string(public.ID()[:32]),
	})
	if err != nil {
		return events.PublicKey{}, 0, err
	}
	if err := r.client.Prepare(ctx, r.outbox, r.recorder()); err != nil {
		return events.PublicKey{}, 0, unreachable(err)
	}
	receipt, known, err := r.outbox.ReceiptOf(ctx, r.recorder(), event.ID)
	leaf := uint64(0)
	switch {
	case err != nil:
		return events.PublicKey{}, 0, err
	case known && receipt.Code == "":
		leaf = receipt.Proof.Index
	default:
		if leaf, err = r.sayEvent(ctx, event, by); err != nil {
			return events.PublicKey{}, 0, fmt.Errorf("rotate the key of %s: %w", r.name, err)
		}
	}
	if recovery != nil && r.home != nil {
		if err := r.home.SetRecovery(*recovery); err != nil {
			return events.PublicKey{}, 0, err
		}
	}
	return public, leaf, keys.UseNext()
}

// AdoptWitnesses puts another policy of witnesses in place; empty: there are none any more.
func (r *Registrar) AdoptWitnesses(ctx context.Context, policy, reason string) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.WitnessesAdopted.Of(events.WitnessesAdopted{Policy: policy, Reason: reason}))
	if err != nil {
		return 0, fmt.Errorf("adopt a witness policy: %w", err)
	}
	return leaf, nil
}

// Key returns the key that signs what this authority says; nil if it is lost.
func (r *Registrar) Key() *events.Signer { return r.signer }

// RetireFacility ends a facility: nothing more is expected from it, nor accepted. Its
// recorders end before it, as far as the registry is on this machine.
func (r *Registrar) RetireFacility(ctx context.Context, facility, reason string) (uint64, error) {
	if r.home != nil {
		registry, err := writer.ReadRegistry(r.home.LedgerDir())
		if err != nil {
			return 0, fmt.Errorf("retire facility %s: find its recorders: %w", facility, err)
		}
		for _, known := range registry.Recorders() {
			name, err := events.ParseRecorder(known.Name)
			if err != nil || name.Facility != facility || known.Retired {
				continue
			}
			if _, err := r.RetireRecorder(ctx, known.Name, reason); err != nil {
				return 0, err
			}
		}
	}
	leaf, err := r.say(ctx, vocabulary.FacilityRetired.Of(events.FacilityRetired{Facility: facility, Reason: reason}))
	if err != nil {
		return 0, fmt.Errorf("retire facility %s: %w", facility, err)
	}
	return leaf, nil
}

// RetireRecorder ends a recorder: it need not attest any more, and nothing of it is
// accepted.
func (r *Registrar) RetireRecorder(ctx context.Context, recorder, reason string) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.RecorderRetired.Of(events.RecorderRetired{Recorder: recorder, Reason: reason}))
	if err != nil {
		return 0, fmt.Errorf("retire recorder %s: %w", recorder, err)
	}
	return leaf, nil
}

// AddTenant says of which sector a customer is.
func (r *Registrar) AddTenant(ctx context.Context, d events.TenantDeclared) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.TenantDeclared.Of(d))
	if err != nil {
		return 0, fmt.Errorf("declare tenant %s: %w", d.Tenant, err)
	}
	return leaf, nil
}

// AcknowledgeFinding says that this authority has seen a finding at a facility.
func (r *Registrar) AcknowledgeFinding(ctx context.Context, d events.FindingAcknowledged) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.FindingAcknowledged.Of(d))
	if err != nil {
		return 0, fmt.Errorf("acknowledge finding %s: %w", d.Finding, err)
	}
	return leaf, nil
}

// ResolveFinding settles a finding at a facility.
func (r *Registrar) ResolveFinding(ctx context.Context, d events.FindingResolved) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.FindingResolved.Of(d))
	if err != nil {
		return 0, fmt.Errorf("resolve finding %s: %w", d.Finding, err)
	}
	return leaf, nil
}
