// Package badge maps the logs of badge readers and doors to events, by a mapping file
// ([ParseMapping]) that says what the columns of a CSV file, or the members of JSON
// records, mean.
//
// Each vendor has a form of its own. What the log doesn't say, or the mapping doesn't
// name, is "unstated" or "??".
//
// Not here: guesses, and the finding and reading of logs, which are in events/connect.
//
// # Which event
//
// By what the mapping makes of a row's result:
//
//	granted, taken   saksi.access.zone.entered.v1, or saksi.access.zone.left.v1, outcome success
//	denied           the same, outcome denied
//	the others, and those whose direction or zone is not known
//	                 saksi.access.performed.v1 of mode physical, operation badge:<result>
//	none             no event: the row is about no access
//
// Whether a door that was released was used (taken, not-taken) is in ext.badge
// and in the operation. Outcomes of operations: granted, taken, forced and
// tailgate are success, denied is denied; of the others nothing is said.
//
// # In the clear
//
//	id              a keyed hash (HMAC-SHA256) of the columns that the mapping names, or of the whole row
//	time            as the mapping says; which of two it is where clocks go back is in ext.inferred
//	zone, door      the aliases that the mapping gives
//	actor.id        the pseudonym of the person column
//	actor.kind      person, where a person is named; else unstated
//	actor.party     as the mapping says, or as configured
//	physicalCountry the site's country, if the mapping has one; else ??
//	ext.badge       result, and where there is no place else: zone, direction
//	ext.inferred    what the log doesn't say by itself: a repeated time, a tailgate
//
// The hash is keyed, as a row is easily guessed: who, at which door, when. The
// key is one more entry of the operator's table of pseudonyms.
//
// # As salted digests only
//
//	actor._sd       person, and each column under facts in the mapping
//	_sd             doorName siteName directionName resultName, as the log has them
//	ext.native._sd  id, digest (SHA-256 of the record)
package badge
