package cloudtrail

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
)

// from maps where a request came from. Services of AWS give their host name, or
// "AWS Internal", instead of an address.
func (d *draft) from() (events.From, error) {
	n := d.native
	from := events.From{Country: events.UnknownCountry}
	var facts connect.Facts
	switch {
	case n.IP == "AWS Internal" || strings.HasSuffix(n.IP, ".amazonaws.com"):
		from.Network = "aws"
		facts.Text("host", n.IP)
	default:
		facts.Text("ip", n.IP)
	}
	facts.Text("userAgent", n.UserAgent)
	if n.VPCEndpoint != "" {
		from.Network = "vpc-endpoint"
	}
	facts.Text("vpcEndpointId", n.VPCEndpoint)
	facts.Text("vpcEndpointAccountId", n.VPCEndpointOf)
	var err error
	from.SD, err = d.personal.SD(facts)
	return from, err
}

// resource maps what AWS says was touched. The first is the most particular one
// (an object before its bucket).
func (d *draft) resource() (*events.Resource, error) {
	n := d.native
	made := &events.Resource{Kind: n.kind()}
	var facts connect.Facts
	if len(n.Resources) > 0 {
		first := n.Resources[0]
		facts.Text("arn", first.ARN)
		facts.Text("arnPrefix", first.Prefix)
		facts.Text("accountId", first.AccountID)
		if first.Type != made.Kind {
			facts.Text("type", first.Type)
		}
		if others := n.Resources[1:]; len(others) > 0 {
			raw, err := json.Marshal(others)
			if err != nil {
				return nil, fmt.Errorf("write the other resources: %w", err)
			}
			facts.JSON("others", raw)
		}
	}
	var err error
	made.SD, err = d.personal.SD(facts)
	return made, err
}

// kind names the kind of resource: as AWS does, or else by its service.
func (n *native) kind() string {
	if len(n.Resources) > 0 && isKind(n.Resources[0].Type) {
		return n.Resources[0].Type
	}
	if service := n.service(); service != "" {
		return service
	}
	return events.Unstated
}

// isKind reports whether s is written as AWS writes kinds: AWS::S3::Bucket.
func isKind(s string) bool {
	words := strings.Split(s, "::")
	for _, word := range words {
		if !isWord(word, 40, "") {
			return false
		}
	}
	return len(words) == 3 && words[0] == "AWS"
}

// region returns the region if it looks like one.
func (n *native) region() string {
	if !isWord(n.Region, 64, "-") {
		return ""
	}
	return n.Region
}
