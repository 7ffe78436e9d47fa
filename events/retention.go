package events

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Period is how long something is kept: an ISO 8601 duration of years, months and days
// ("P7Y", "P1Y6M"), or "forever", which is the zero Period. Years and months are the
// calendar's, as [time.Time.AddDate] counts them.
type Period struct{ Years, Months, Days int }

// Forever is the period that doesn't end.
var Forever Period

const forever = "forever"

// ParsePeriod reads a period.
func ParsePeriod(text string) (Period, error) {
	if text == forever {
		return Forever, nil
	}
	var p Period
	bad := fmt.Errorf("period %.40q: want \"forever\", or years, months and days as in P7Y or P1Y6M", text)
	rest, order := text, "YMD"
	if len(rest) < 3 || rest[0] != 'P' {
		return p, bad
	}
	for rest = rest[1:]; rest != ""; {
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		if digits == 0 || digits > 5 || digits == len(rest) {
			return Period{}, bad
		}
		n, _ := strconv.Atoi(rest[:digits])
		unit := rest[digits]
		for order != "" && order[0] != unit {
			order = order[1:]
		}
		if order == "" {
			return Period{}, bad
		}
		switch unit {
		case 'Y':
			p.Years = n
		case 'M':
			p.Months = n
		case 'D':
			p.Days = n
		}
		order, rest = order[1:], rest[digits+1:]
	}
	if p == Forever {
		return p, fmt.Errorf("period %.40q: it is no time at all", text)
	}
	return p, nil
}

// Over reports whether the period that began at from is over at now.
func (p Period) Over(from, now time.Time) bool {
	return p != Forever && !now.Before(from.UTC().AddDate(p.Years, p.Months, p.Days))
}

// Of returns how long an operator's events of a type are kept. What a sealed event is
// about nobody can tell, so it is kept for the longest of the families' periods.
func (r Retention) Of(eventType string) (Period, error) {
	switch FamilyOf(eventType) {
	case "access":
		return ParsePeriod(r.Access)
	case "facility":
		return ParsePeriod(r.Facility)
	case "attestation":
		return ParsePeriod(r.Attestation)
	case "sealed":
		_, longest, err := r.Bounds()
		return longest, err
	}
	return Forever, nil
}

// Bounds returns the shortest and the longest time that an operator's events are kept.
func (r Retention) Bounds() (shortest, longest Period, err error) {
	var at time.Time // from which periods are compared
	for i, text := range []string{r.Access, r.Facility, r.Attestation} {
		p, err := ParsePeriod(text)
		if err != nil {
			return Period{}, Period{}, err
		}
		end := func(p Period) time.Time {
			if p == Forever {
				return time.Unix(1<<40, 0)
			}
			return at.AddDate(p.Years, p.Months, p.Days)
		}
		if i == 0 || end(p).Before(end(shortest)) {
			shortest = p
		}
		if i == 0 || end(p).After(end(longest)) {
			longest = p
		}
	}
	return shortest, longest, nil
}

// Periods returns the different periods that end, of operators' events and of what was
// rejected.
func (r Retention) Periods() ([]Period, error) {
	var all []Period
	for _, text := range []string{r.Access, r.Facility, r.Attestation, r.Rejected} {
		p, err := ParsePeriod(text)
		if err != nil {
			return nil, err
		}
		if p != Forever && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all, nil
}
