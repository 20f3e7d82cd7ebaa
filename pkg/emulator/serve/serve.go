// SPDX-License-Identifier: GPL-3.0-or-later

// Package serve is the program `emulator`: an emulated vendor on a port, until a signal ends it.
//
//	emulator [flags] [statuscake|pingdom]
package serve

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// DefaultToken is accepted when neither --token nor EMULATOR_TOKEN say otherwise.
const DefaultToken = "emulator-token"

// Exit codes of Run.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// drainTime is how long calls that are being answered may go on after a signal.
const drainTime = 2 * time.Second

// Main is the program. It ends the process.
func Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// account is what the vendors' emulators have in common.
type account interface {
	http.Handler
	Load(seed []byte) error
}

// vendor is one choice of what is emulated.
type vendor struct {
	basePath string
	// variables is the prefix of the modules' environment variables.
	variables string
	demo      func() []byte
	flags     []string // those that only this vendor has
	open      func(config) (account, error)
}

// defaultVendor is emulated where none is named.
const defaultVendor = "statuscake"

func vendors() map[string]vendor {
	return map[string]vendor{
		defaultVendor: {
			basePath: statuscake.BasePath, variables: "STATUSCAKE", demo: statuscake.DemoSeed, flags: []string{"list-metadata"},
			open: func(cfg config) (account, error) {
				e := statuscake.New(cfg.opt)
				if err := e.SetListMetadata(statuscake.ListMetadata(cfg.listMetadata)); err != nil {
					return nil, fmt.Errorf("--list-metadata: %w", err)
				}
				return e, nil
			},
		},
		"pingdom": {
			basePath: pingdom.BasePath, variables: "PINGDOM", demo: pingdom.DemoSeed, flags: []string{"check-limit", "sparse"},
			open: func(cfg config) (account, error) {
				e := pingdom.New(cfg.opt)
				e.SetCheckLimit(cfg.checkLimit)
				return e, e.SetQuirks(pingdom.Quirks{Sparse: cfg.sparse})
			},
		},
	}
}

type config struct {
	vendor       vendor
	listen       string
	allowRemote  bool
	opt          emulator.Options
	listMetadata string
	checkLimit   int
	sparse       bool
	seedFile     string
	seedDemo     bool
	portFile     string
	tokenByFlag  bool
}

// Run serves until ctx ends, or until its port file is removed or overwritten, and returns the exit code. Once it
// listens it prints the base URL, and two export lines that point the modules to it.
func Run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	cfg, err := parse(args, getenv, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage // flag has said why
	}
	if err := run(ctx, cfg, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "emulator: %v\n", err)
		return exitError
	}
	return exitOK
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (config, error) {
	var cfg config
	token := getenv("EMULATOR_TOKEN")
	if token == "" {
		token = DefaultToken
	}
	flags := flag.NewFlagSet("emulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 takes a free one")
	flags.BoolVar(&cfg.allowRemote, "allow-remote", false, "let --listen name an address that other machines can reach")
	// The token is no default of the flag: usage texts show those.
	flags.StringVar(&cfg.opt.Token, "token", "", "`token` that callers must send (environment EMULATOR_TOKEN; else "+DefaultToken+")")
	flags.DurationVar(&cfg.opt.Latency, "latency", 0, "`time` before each answer, such as 20ms")
	flags.IntVar(&cfg.opt.RatePerSecond, "rate-limit", 0, "`calls` a second that the account may make; 0 is no limit")
	flags.IntVar(&cfg.opt.RatePerMinute, "rate-limit-minute", 0, "`calls` a minute that the account may make; 0 is no limit")
	flags.IntVar(&cfg.opt.ListLag, "list-lag", 0, "`number` of list requests in which a new object is still missing")
	flags.StringVar(&cfg.listMetadata, "list-metadata", string(statuscake.MetadataFull), "`what` lists tell of their length: full, zero-total or missing (statuscake only)")
	flags.IntVar(&cfg.checkLimit, "check-limit", pingdom.DefaultCheckLimit, "`number` of checks that the plan allows (pingdom only)")
	flags.BoolVar(&cfg.sparse, "sparse", false, "leave out of answers what has its usual value (pingdom only)")
	flags.StringVar(&cfg.seedFile, "seed", "", "JSON `file` with what the account holds at the start (statuscake: contact_groups and tests; "+
		"pingdom: contacts, teams, checks and maintenance)")
	flags.BoolVar(&cfg.seedDemo, "seed-demo", false, "start with a few contacts")
	flags.StringVar(&cfg.portFile, "port-file", "", "`file` that holds the base URL while the emulator listens; it ends when the file is removed or overwritten")
	flags.Usage = func() {
		fmt.Fprintf(stderr, "Usage: emulator [flags] [%s]\nThe vendor is %s where none is named. Flags:\n", strings.Join(names(), "|"), defaultVendor)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	cfg.tokenByFlag = cfg.opt.Token != ""
	if !cfg.tokenByFlag {
		cfg.opt.Token = token
	}
	err := cfg.choose(flags)
	if err == nil {
		err = cfg.validate()
	}
	if err != nil {
		fmt.Fprintf(stderr, "emulator: %v\n", err)
	}
	return cfg, err
}

func names() []string { return slices.Sorted(maps.Keys(vendors())) }

// choose finds the vendor that the arguments name, and refuses flags of another one.
func (c *config) choose(flags *flag.FlagSet) error {
	chosen := defaultVendor
	if flags.NArg() > 0 {
		chosen = flags.Arg(0)
	}
	v, known := vendors()[chosen]
	if !known || flags.NArg() > 1 {
		return fmt.Errorf("the argument after all flags must be one of %s, got: %q", strings.Join(names(), ", "), flags.Args())
	}
	c.vendor = v
	var err error
	flags.Visit(func(f *flag.Flag) {
		for name, other := range vendors() {
			if name != chosen && slices.Contains(other.flags, f.Name) {
				err = fmt.Errorf("--%s is for %s only", f.Name, name)
			}
		}
	})
	return err
}

func (c *config) validate() error {
	host, _, err := net.SplitHostPort(c.listen)
	if err != nil {
		return fmt.Errorf("--listen must be host:port: %w", err)
	}
	if ip := net.ParseIP(host); !c.allowRemote && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--listen %s could be reached by other machines; say --allow-remote if that is meant", c.listen)
	}
	if c.opt.Latency < 0 || c.opt.RatePerSecond < 0 || c.opt.RatePerMinute < 0 || c.opt.ListLag < 0 || c.checkLimit < 0 {
		return errors.New("--latency, --rate-limit, --rate-limit-minute, --list-lag and --check-limit must not be negative")
	}
	return nil
}

func run(ctx context.Context, cfg config, stdout, stderr io.Writer) error {
	emulated, err := newAccount(cfg)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.listen)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String() + cfg.vendor.basePath
	server := &http.Server{
		Handler:           emulated,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(stderr, "emulator: ", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := announce(url, cfg, stdout); err != nil {
		return errors.Join(err, server.Close())
	}

	look := time.NewTicker(portFileInterval)
	defer look.Stop()
	for {
		select {
		case err = <-ended:
		case <-ctx.Done():
			err = shutDown(ctx, server)
		case <-look.C:
			if cfg.portFile == "" || holds(cfg.portFile, url) {
				continue
			}
			err = shutDown(ctx, server)
		}
		break
	}
	if cfg.portFile != "" && holds(cfg.portFile, url) {
		err = errors.Join(err, os.Remove(cfg.portFile))
	}
	return err
}

// portFileInterval is how often the port file is checked.
const portFileInterval = 300 * time.Millisecond

// holds reports whether a file still has the URL of this emulator: not after it was removed, nor after another emulator
// has overwritten it. A file that cannot be read counts as unchanged.
func holds(file, url string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	return strings.TrimSpace(string(text)) == url
}

// shutDown lets the calls in flight end, and cuts off those that do not.
func shutDown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}

func newAccount(cfg config) (account, error) {
	emulated, err := cfg.vendor.open(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.seedDemo {
		if err := emulated.Load(cfg.vendor.demo()); err != nil {
			return nil, err
		}
	}
	if cfg.seedFile != "" {
		data, err := os.ReadFile(cfg.seedFile)
		if err != nil {
			return nil, fmt.Errorf("--seed: %w", err)
		}
		if err := emulated.Load(data); err != nil {
			return nil, fmt.Errorf("--seed %s: %w", cfg.seedFile, err)
		}
	}
	return emulated, nil
}

// announce prints the base URL, and the environment variables that point the modules to it. The port file appears with
// its whole content, so it can be read as soon as it exists.
func announce(url string, cfg config, stdout io.Writer) error {
	if portFile := cfg.portFile; portFile != "" {
		temporary, err := os.CreateTemp(filepath.Dir(portFile), filepath.Base(portFile)+".*")
		if err != nil {
			return fmt.Errorf("--port-file: %w", err)
		}
		_, err = fmt.Fprintln(temporary, url)
		err = errors.Join(err, temporary.Close())
		if err == nil {
			err = os.Rename(temporary.Name(), portFile)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("--port-file: %w", err), os.Remove(temporary.Name()))
		}
	}
	// A token of the user's own is not printed.
	token := `"$EMULATOR_TOKEN"`
	switch {
	case cfg.opt.Token == DefaultToken:
		token = DefaultToken
	case cfg.tokenByFlag:
		token = "... # the value of --token"
	}
	_, err := fmt.Fprintf(stdout, "%s\nexport %[2]s_API_URL=%[1]s\nexport %[2]s_API_TOKEN=%[3]s\n", url, cfg.vendor.variables, token)
	return err
}
