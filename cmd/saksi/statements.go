package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/client"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ops/operator"
)

// statementCommand is a command that swears to something for a recorder.
func statementCommand(name, use, args, description string, flags []cli.Flag, make func(*cli.Context, *operator.Client, events.Recorder) (vocabulary.Said, error)) *cli.Command {
	return &cli.Command{
		Name: name, Usage: use, ArgsUsage: args, Description: description,
		Flags: append(append([]cli.Flag{homeFlag(), stringFlag("recorder", "the `FACILITY/RECORDER` that it is about")}, flags...),
			timeoutFlag(5*time.Minute), formatFlag(), jsonFlag()),
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, strings.Fields(args)...); err != nil {
				return err
			}
			if err := required(c, "recorder"); err != nil {
				return err
			}
			return withOperator(c, func(d *operator.Client) error {
				recorder, err := d.Recorder(c.String("recorder"))
				if err != nil {
					return err
				}
				prepare(c, d, recorder)
				statement, err := make(c, d, recorder)
				if err != nil {
					return err
				}
				added, err := d.Attest(c.Context, recorder, statement)
				if err != nil {
					return err
				}
				flushed, err := flush(c, d, int64(added.Events))
				out := result{
					document: struct {
						Attested any           `json:"attested"`
						Flushed  client.Result `json:"flushed"`
					}{statement.Data(), flushed},
					rows: append([][]any{{"recorder", recorder.String()}, {"sworn", statement.Type()}}, flushRows(flushed)...),
				}
				if err := errors.Join(out.print(c), offline(err)); err != nil {
					return err
				}
				return rejectedError(flushed)
			})
		},
	}
}

func controlCommand() *cli.Command {
	return statementCommand("control", "swear how far a control is in place", "CONTROL", "",
		[]cli.Flag{
			&cli.StringFlag{Name: "status", Usage: "how far: `STATUS` is in_place, partly or not_in_place", Value: string(events.ControlInPlace)},
			&cli.StringFlag{Name: "framework", Usage: "the `FRAMEWORK` that asks for it, and its number there"},
		},
		func(c *cli.Context, _ *operator.Client, r events.Recorder) (vocabulary.Said, error) {
			return vocabulary.AttestationControl.Of(events.ControlAttested{
				Recorder: r.String(), Control: c.Args().First(), Framework: c.String("framework"), Status: events.ControlStatus(c.String("status")),
			}.Statement()), nil
		})
}

func blindspotCommand() *cli.Command {
	return statementCommand("blindspot", "declare what a recorder doesn't record", "CODE", "",
		[]cli.Flag{
			stringFlag("why", "why, as a `CODE`"),
			&cli.StringFlag{Name: "from", Usage: "the `TIME` from which; now, if not given"},
			&cli.StringFlag{Name: "until", Usage: "the `TIME` until which, if it is known"},
		},
		func(c *cli.Context, _ *operator.Client, r events.Recorder) (vocabulary.Said, error) {
			if err := required(c, "why"); err != nil {
				return vocabulary.Said{}, err
			}
			from, err := timeFlag(c, "from", time.Now().Truncate(time.Second))
			if err != nil {
				return vocabulary.Said{}, err
			}
			b := events.BlindspotAttested{Recorder: r.String(), Unrecorded: c.Args().First(), Why: c.String("why"), From: events.At(from)}
			if until, err := timeFlag(c, "until", time.Time{}); err != nil {
				return vocabulary.Said{}, err
			} else if !until.IsZero() {
				if !until.After(from) {
					return vocabulary.Said{}, usage("--until %s is not after --from %s", c.String("until"), from.UTC().Format(time.RFC3339))
				}
				b.Until = events.At(until)
			}
			return vocabulary.AttestationBlindspot.Of(b.Statement()), nil
		})
}

func correctionCommand() *cli.Command {
	return statementCommand("correction", "say that an event was wrong; it stays, and views show both", "EVENT",
		"EVENT is the id of an event that the ledger has accepted from this home. With --by, another one says it rightly:\n"+
			"publish that first. Without, the event is withdrawn.",
		[]cli.Flag{
			stringFlag("reason", "why it was wrong, as a `CODE`"),
			stringFlag("approver", "who approved the correction, as a `PSEUDONYM`"),
			&cli.StringFlag{Name: "approver-country", Usage: "the `COUNTRY` where the approver works", Value: events.UnknownCountry},
			&cli.StringFlag{Name: "by", Usage: "the id of the `EVENT` of the same recorder that says it rightly"},
		},
		func(c *cli.Context, d *operator.Client, r events.Recorder) (vocabulary.Said, error) {
			if err := required(c, "reason", "approver"); err != nil {
				return vocabulary.Said{}, err
			}
			reader, err := bodiesOf(d)
			if err != nil {
				return vocabulary.Said{}, err
			}
			wrong, err := d.Reference(c.Context, r, c.Args().First(), reader.Body)
			if err != nil {
				return vocabulary.Said{}, err
			}
			country := c.String("approver-country")
			approver := events.Actor{
				ID: c.String("approver"), Kind: events.KindPerson, Party: events.PartyOperator,
				EmployerCountry: country, OfficeCountry: country, PhysicalCountry: events.UnknownCountry,
			}
			if c.String("by") == "" {
				return vocabulary.AttestationCorrection.Of(events.Withdrawing(wrong, c.String("reason"), approver).Statement()), nil
			}
			if c.String("by") == wrong.ID {
				return vocabulary.Said{}, usage("--by %s: an event can't take its own place", wrong.ID)
			}
			right, err := d.Reference(c.Context, r, c.String("by"), reader.Body)
			if err != nil {
				return vocabulary.Said{}, err
			}
			return vocabulary.AttestationCorrection.Of(events.Replacing(wrong, right, c.String("reason"), approver).Statement()), nil
		})
}

// bodiesOf reads back what the operator's own recorders have said.
func bodiesOf(d *operator.Client) (*ledgerhttp.Reader, error) {
	grant, err := d.Home.Grant()
	if err != nil {
		return nil, err
	}
	log, err := grant.Ledger.Log()
	if err != nil {
		return nil, err
	}
	return ledgerhttp.NewReader(grant.HTTP, log, ledgerhttp.ReaderOptions{
		Token: func(context.Context) (string, error) { return mint(d.Home, time.Minute) },
	})
}

func responseCommand() *cli.Command {
	return statementCommand("response", "answer a finding", "FINDING",
		"FINDING is the id that the authority has given of it. The answer stands beside the finding in the authority's view.",
		[]cli.Flag{
			stringFlag("answer", "`WHAT` you say to it: explained, accepted, corrected or disputed"),
			&cli.StringFlag{Name: "reason", Usage: "why, as a `CODE`"},
			&cli.StringFlag{Name: "until", Usage: "the `TIME` by which it will be put right"},
		},
		func(c *cli.Context, _ *operator.Client, r events.Recorder) (vocabulary.Said, error) {
			if err := required(c, "answer"); err != nil {
				return vocabulary.Said{}, err
			}
			response := events.ResponseAttested{
				Recorder: r.String(), Finding: c.Args().First(), Answer: events.FindingAnswer(c.String("answer")), Reason: c.String("reason"),
			}
			if until, err := timeFlag(c, "until", time.Time{}); err != nil {
				return vocabulary.Said{}, err
			} else if !until.IsZero() {
				response.Until = events.At(until)
			}
			return vocabulary.AttestationResponse.Of(response.Statement()), nil
		})
}
