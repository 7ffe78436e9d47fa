package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// evidenceWait is longer than the time from one anchor to the next.
const evidenceWait = 3 * time.Minute

type evidenceInput struct {
	waiting
	outputInput
	queryInput
	refs                                    []string
	view, anchorPolicy, trust               string
	waitAnchor, waitCosigned, waitTimestamp bool
}

func evidenceCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "evidence", Roles: []string{auditor, regulator, customer},
		Summary: "put what proves chosen events into one file",
		Text: "12/3 is event 3 of leaf 12, as views name it; 12 is all events of leaf 12. --where chooses the events of a view's rows instead, as saksi view " +
			"has them. The home is an authority's, or that of a reader whose mandate covers bodies. The file shows the chosen events, 100,000 at " +
			"most, without their neighbours, and what was registered by then of whoever published them. What was erased is named, and not shown. " +
			"saksi verify reads it, saksi report makes a report of it, and saksi redact takes events out.",
		Examples: []string{
			"saksi evidence --home authority --output visit.saksi 12/3",
			"saksi evidence --home authority --where facility=lab-1 --where mode=physical --wait-anchor -o visits.saksi",
			"saksi evidence --home desk --view findings --where rule=sequence-gap -o gaps.saksi",
		},
	}, func(in *evidenceInput, f *cmdline.Flags) {
		f.Rest(&in.refs, "LEAF/EVENT", 0)
		in.outputInput.bind(f, "write it to `FILE`").Required()
		in.view = "touches"
		in.queryInput.bind(f, "the events of rows that satisfy `CONDITION`", func(so cmdline.Partial) string {
			return strings.Join(append(so.Flags["view"], "touches")[:1], "")
		})
		f.String(&in.view, "view", "the `VIEW` whose rows --where chooses").Env("evidence-view").Complete(completeViews)
		f.Bool(&in.waitAnchor, "wait-anchor", "wait until entries of as many Rekors as the ledger's policy wants cover the leaves")
		f.String(&in.anchorPolicy, "anchor-policy", "wait for `HOW-MANY` Rekors instead: all, any, or a number").Env("evidence-anchor-policy").Complete(cmdline.OneOf("all", "any"))
		f.String(&in.trust, "trust", "count the Rekors of this trust `FILE`, by its policy: as whoever reads the evidence will count").Env("evidence-trust").File()
		f.Bool(&in.waitCosigned, "wait-cosigned", "wait until a checkpoint that a quorum of the ledger's witnesses has cosigned covers the leaves")
		f.Bool(&in.waitTimestamp, "wait-timestamp", "wait until a timestamp covers the leaves")
		f.Zone()
		in.waiting.bind(f, evidenceWait)
	}, runEvidence)
}

func runEvidence(ctx context.Context, s *cmdline.Session, in *evidenceInput) (*cmdline.Result, error) {
	if (len(in.refs) == 0) == (len(in.where) == 0) {
		return nil, s.Usage("takes one LEAF/EVENT or more, or --where")
	}
	file, err := in.file(in.trust)
	if err != nil {
		return nil, err
	}
	var requests []evidence.Request
	for _, text := range in.refs {
		r, err := evidence.ParseRequest(text)
		if err != nil {
			return nil, cmdline.WithStatus(cmdline.WrongUsage, err)
		}
		requests = append(requests, r)
	}
	if len(in.where) > 0 {
		if requests, err = in.selectEvents(ctx, s); err != nil {
			return nil, err
		}
	}
	options, err := in.options()
	if err != nil {
		return nil, err
	}
	source, closer, err := openEvidenceSource(in.home)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	ctx, cancel := in.bounded(ctx)
	defer cancel()
	shown := cmdline.NewSteps(s.Err)
	defer shown.Done()
	options.Progress = shown.Set
	bundle, err := evidence.Make(ctx, source, requests, options)
	var missing *evidence.NotAnchored
	switch {
	case errors.As(err, &missing):
		return nil, hint.With(err, "saksi doctor says how far anchors lag, and why; --anchor-policy any is content with one Rekor, without --wait-anchor the evidence says what it lacks, or give --timeout more")
	case errors.Is(err, context.DeadlineExceeded) && in.waitTimestamp:
		return nil, hint.With(err, "saksi doctor says how far timestamps are; without --wait-timestamp the evidence says between what it stands, or give --timeout more")
	case errors.Is(err, context.DeadlineExceeded) && in.waitCosigned:
		return nil, hint.With(err, "saksi doctor says how far witnesses are; without --wait-cosigned the evidence says which have not seen the tree, or give --timeout more")
	case errors.Is(err, evidence.ErrNoBody):
		return nil, hint.With(err, "the authority gives mandates for bodies: saksi reader add --role auditor or supervisor")
	case err != nil:
		return nil, err
	}
	size, err := writeBundle(file, bundle, func(f *os.File, size int64) error {
		return evidence.Check(source, bundle, f, size, func(done, total int) { shown.Set("checked", done, total) })
	})
	if err != nil {
		return nil, err
	}
	return evidenceResult(in.output, size, bundle), nil
}

// options says what is waited for.
func (in *evidenceInput) options() (evidence.Options, error) {
	o := evidence.Options{WaitAnchor: in.waitAnchor, WaitCosigned: in.waitCosigned, WaitTimestamp: in.waitTimestamp}
	if in.anchorPolicy != "" {
		policy, err := verify.ParseAnchorPolicy(in.anchorPolicy)
		if err != nil {
			return o, cmdline.WithStatus(cmdline.WrongUsage, err)
		}
		o.AnchorPolicy = &policy
	}
	if !o.WaitAnchor && (o.AnchorPolicy != nil || in.trust != "") {
		return o, cmdline.Usage("--anchor-policy and --trust say what --wait-anchor waits for")
	}
	if in.trust != "" {
		var err error
		if o.Trust, err = readTrust(in.trust); err != nil {
			return o, err
		}
	}
	return o, nil
}

// selectPage is how many rows are asked for at once.
const selectPage = 1000

// selectEvents returns the events of the rows that --where chooses.
func (in *evidenceInput) selectEvents(ctx context.Context, s *cmdline.Session) ([]evidence.Request, error) {
	query, err := in.query(s, in.home)
	if err != nil {
		return nil, err
	}
	query.Limit, query.Ascending = selectPage, true
	rows, err := openRows(ctx, s, in.home)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.columns(ctx, in.view)
	if err != nil {
		return nil, err
	}
	query.Where = localTimes(s, query.Where, columns)
	var requests []evidence.Request
	for {
		page, err := rows.page(ctx, in.view, query)
		if err != nil {
			return nil, err
		}
		for _, cells := range page.rows {
			for _, ref := range refsOf(cells) {
				requests = append(requests, evidence.Request{Leaf: ref.Leaf, Event: ref.Event})
			}
		}
		if len(requests) > verify.MaxEvents {
			return nil, hint.With(fmt.Errorf("more than %d events satisfy the conditions", verify.MaxEvents), "narrow them, as with 'time>=…' and 'time<…', and make several files")
		}
		if page.next == "" {
			break
		}
		query.Cursor = page.next
	}
	if len(requests) == 0 {
		if err := knownValues(in.home, query.Where); err != nil {
			return nil, err
		}
		return nil, hint.With(errors.New("no event satisfies the conditions"), "saksi view "+in.view+" with the same --where shows what there is")
	}
	slices.SortFunc(requests, func(x, y evidence.Request) int {
		return cmp.Or(cmp.Compare(x.Leaf, y.Leaf), cmp.Compare(x.Event, y.Event))
	})
	return slices.Compact(requests), nil
}

// mostListed is how many events are named on a terminal.
const mostListed = 12

func evidenceResult(file string, bytes int64, b *verify.Bundle) *cmdline.Result {
	refs := make([]string, len(b.About))
	for i, r := range b.About {
		refs[i] = r.String()
	}
	listed := strings.Join(refs[:min(len(refs), mostListed)], " ")
	if len(refs) > mostListed {
		listed += fmt.Sprintf(" … %s, %d in all", refs[len(refs)-1], len(refs))
	}
	note := "saksi verify --trust TRUST " + file + " says what it proves."
	if len(b.Anchors) == 0 {
		note = "No anchor covers it, and it says so: --wait-anchor waits for one.\n" + note
	}
	if len(b.Withheld) == 1 {
		note = "1 of the events was erased: that it stood there is proven, and not what it said.\n" + note
	} else if len(b.Withheld) > 1 {
		note = fmt.Sprintf("%d of the events were erased: that they stood there is proven, and not what they said.\n", len(b.Withheld)) + note
	}
	return &cmdline.Result{
		Document: map[string]any{"withheld": len(b.Withheld), "evidence": file, "bytes": bytes, "events": refs, "leaves": len(b.Leaves), "anchors": len(b.Anchors), "cosigned": len(b.Cosigned), "timestamps": len(b.Timestamps)},
		Rows: [][]any{
			{"evidence", fmt.Sprintf("%s, %d bytes", file, bytes)}, {"events", listed},
			{"leaves", len(b.Leaves)}, {"anchors", len(b.Anchors)}, {"cosigned", len(b.Cosigned)}, {"timestamps", len(b.Timestamps)},
		},
		Note: note,
	}
}
