package main

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

// adoptWait is how long it may take to take over a registry, all leaves read included.
const adoptWait = time.Hour

var keyIDForm = regexp.MustCompile(`^[0-9a-f]{1,64}$`)

type authorityAdoptInput struct {
	waiting
	predecessor, reason, output, recovery string
	withoutKeys                           []string
}

func authorityAdopt() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "authority adopt", Roles: []string{nodes},
		Summary: "take over the registry of the preceding tree, admit its parties again, and write grants for them",
		Text: "For a ledger that was made with saksi init --predecessor, while its node runs. PREDECESSOR is the directory of the other tree's home, " +
			"or of a copy that has the bodies of its registry. What was current under the checkpoint in the genesis is declared again, and " +
			"each act names where it was declared last: authorities, operators and their keys, facilities, recorders and their last numbers, " +
			"customers, holds, witnesses. What was revoked, suspended or retired stays so. Readers are taken over from a home alone. After an " +
			"interruption the same command goes on. Parties move with saksi join GRANT.",
		Examples: []string{
			"saksi authority adopt --home successor --reason 'disk lost' --output grants ../old/authority",
			"saksi authority adopt --home successor --reason 'key stolen' --output grants --recovery recovery.pem ../old/authority",
		},
	}, func(in *authorityAdoptInput, f *cmdline.Flags) {
		f.Argument(&in.predecessor, "PREDECESSOR").File()
		f.String(&in.reason, "reason", "the `REASON` why the other tree was ended, for the record").Required()
		f.String(&in.output, "output", "write grants into `DIRECTORY`").Also("o").File().Required()
		f.Strings(&in.withoutKeys, "without-key", "a `KEYID`, or its beginning, that no longer counts: of an operator, an authority or a reader")
		f.String(&in.recovery, "recovery", "sign the move with the key in `FILE`, the recovery key of the preceding ledger, instead of the key in PREDECESSOR").File()
		in.waiting.bind(f, adoptWait)
	}, runAuthorityAdopt)
}

func runAuthorityAdopt(ctx context.Context, s *cmdline.Session, in *authorityAdoptInput) (*cmdline.Result, error) {
	if isURL(in.predecessor) {
		return nil, hint.With(cmdline.Usage("PREDECESSOR is a directory: what is public of a ledger doesn't have its registry"),
			"a copy with the bodies that a mandate shows is made by saksi audit --home READER --dir DIRECTORY "+in.predecessor)
	}
	a := authority.Adoption{Dir: in.predecessor, Reason: in.reason, Grants: in.output}
	for _, id := range in.withoutKeys {
		if !keyIDForm.MatchString(id) {
			return nil, cmdline.Usage("--without-key %s: want a key's id, or its beginning, as saksi key list has it", safetext.Line(id))
		}
		a.Without = append(a.Without, events.KeyID(id))
	}
	if in.recovery != "" {
		var err error
		if a.By, err = home.ReadKey(in.recovery); err != nil {
			return nil, err
		}
	}
	shown := cmdline.NewSteps(s.Err)
	defer shown.Done()
	a.Progress = func(what string, done, total uint64) { shown.Set(what, int(done), int(total)) }
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		done, err := r.Adopt(ctx, a)
		if err != nil {
			return nil, err
		}
		out := cmdline.Pairs(done,
			"taken over from", fmt.Sprintf("%s, as it stood with %s", done.Origin, cmdline.Counted(done.Size, "leaf", "leaves")),
			"acts", fmt.Sprintf("%d taken over, and the one that says so: leaves %d to %d", done.Acts, done.FirstLeaf, done.LastLeaf),
			"grants", fmt.Sprintf("%d in %s", len(done.Grants), a.Grants))
		for _, left := range done.Left {
			out.Rows = append(out.Rows, cmdline.Pair("not taken over", left))
		}
		out.Note = "Give each party its grant: it moves with saksi join, in the home that it has. Nothing in a grant is secret.\n" +
			"Tell witnesses of the new log key, and auditors of a trust file that names both trees: saksi trust --with."
		return out, nil
	})
}
