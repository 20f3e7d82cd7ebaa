// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	"github.com/stackwatch/ansible-monitoring/pkg/localstate"
)

// gates is how many groups the hosts of a server are put into. What happens to one host keeps only those of its group waiting.
const gates = 16

// alone runs do while no other process of this controller, and nobody else in this one, is in among with the same host: what they would
// write between the look at an object and its deletion would be lost with it, and what is missing for a moment would be taken for gone.
//
// do must not enter among, nor anything that Ledger guards: who is in there may be waiting to get into among.
func (n notes) alone(ctx context.Context, host string, do func() error) error {
	return n.enter(ctx, []int{gateOf(host)}, (*localstate.Dir).Lock, do)
}

// among runs do while nobody is alone with one of the hosts, of all hosts where none is named.
func (n notes) among(ctx context.Context, do func() error, hosts ...string) error {
	wanted := map[int]bool{}
	for _, host := range hosts {
		wanted[gateOf(host)] = true
	}
	for gate := range gates {
		if len(hosts) == 0 {
			wanted[gate] = true
		}
	}
	return n.enter(ctx, slices.Sorted(maps.Keys(wanted)), (*localstate.Dir).Share, do)
}

func gateOf(host string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(host)) // it gives no error
	return int(sum.Sum32() % gates)
}

// enter waits for minutes at most, see localstate.Dir.Lock, because a stopped run keeps its lock. Where the folder is
// unusable it goes on without a lock: the ledger warns of that, and nothing is recreated without a note.
func (n notes) enter(
	ctx context.Context, wanted []int, take func(*localstate.Dir, context.Context, string) (func(), error), do func() error,
) error {
	if n.server == "" {
		return do()
	}
	dir, err := localstate.Open(n.dir)
	if err != nil {
		return do()
	}
	for _, gate := range wanted {
		unlock, err := take(dir, ctx, localstate.Name("gate", n.server, strconv.Itoa(gate)))
		switch {
		case err == nil:
			defer unlock()
		case !errors.Is(err, localstate.ErrUnusable):
			return fmt.Errorf("other runs of this controller are not done with the host: %w", err)
		}
	}
	return do()
}
