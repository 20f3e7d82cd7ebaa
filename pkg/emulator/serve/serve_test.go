// SPDX-License-Identifier: GPL-3.0-or-later

package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator/serve"
)

// asProgram makes the test binary the program itself.
const asProgram = "EMULATOR_SERVE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		serve.Main()
	}
	os.Exit(m.Run())
}

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// running is an emulator that was started with Run.
type running struct {
	url  string
	stop func() (code int, stderr string)
}

func start(t *testing.T, env map[string]string, args ...string) running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- serve.Run(ctx, args, environment(env), in, &stderr)
		in.Close()
	}()
	stop := func() (int, string) {
		cancel()
		return <-code, stderr.String()
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		exit, text := stop()
		require.FailNow(t, "it did not start", "exit %d: %s", exit, text)
	}
	return running{url: lines.Text(), stop: stop}
}

func (r running) get(t *testing.T, path, token string) (int, string) {
	t.Helper()
	return request(t, "GET", r.url+path, token)
}

func request(t *testing.T, method, url, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestItServesUntilItIsStopped(t *testing.T) {
	portFile := filepath.Join(t.TempDir(), "url")
	r := start(t, nil, "--seed-demo", "--port-file", portFile)
	written, err := os.ReadFile(portFile)
	require.NoError(t, err)
	assert.Equal(t, r.url+"\n", string(written))
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/v1$`, r.url)

	status, body := r.get(t, "/contact-groups", serve.DefaultToken)
	assert.Equal(t, 200, status)
	assert.Contains(t, body, "Operations")
	status, _ = r.get(t, "/uptime", "another")
	assert.Equal(t, 401, status)
	status, body = r.get(t, "/_emulator/calls", serve.DefaultToken)
	assert.Equal(t, 200, status)
	assert.Contains(t, body, `"total":2`)

	code, stderr := r.stop()
	assert.Equal(t, 0, code)
	assert.Empty(t, stderr)
	assert.NoFileExists(t, portFile)
	left, err := os.ReadDir(filepath.Dir(portFile))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestPortFile_EndsTheEmulator(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"removed":               os.Remove,
		"that of another":       func(file string) error { return os.WriteFile(file, []byte("http://127.0.0.1:1/v1\n"), 0o600) },
		"its folder is removed": func(file string) error { return os.RemoveAll(filepath.Dir(file)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "url")
			var stdout, stderr bytes.Buffer
			code := make(chan int, 1)
			go func() {
				code <- serve.Run(t.Context(), []string{"--port-file", file}, environment(nil), &stdout, &stderr)
			}()
			require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, time.Minute, time.Millisecond)
			require.NoError(t, change(file))
			assert.Equal(t, 0, <-code)
			assert.Empty(t, stderr.String())
			if name == "that of another" {
				assert.FileExists(t, file, "it is not its own any more")
			}
		})
	}
}

func TestStart_PrintsTheVariablesOfTheModules(t *testing.T) {
	for _, c := range []struct {
		env   map[string]string
		args  []string
		token string
	}{
		{nil, nil, "STATUSCAKE_API_TOKEN=" + serve.DefaultToken},
		{nil, []string{"pingdom"}, "PINGDOM_API_TOKEN=" + serve.DefaultToken},
		{map[string]string{"EMULATOR_TOKEN": "my-secret"}, nil, `STATUSCAKE_API_TOKEN="$EMULATOR_TOKEN"`},
		{nil, []string{"--token", "my-secret"}, "STATUSCAKE_API_TOKEN=... # the value of --token"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		out, in := io.Pipe()
		code := make(chan int, 1)
		go func() {
			code <- serve.Run(ctx, c.args, environment(c.env), in, io.Discard)
			in.Close()
		}()
		printed := make([]byte, 1000)
		n, err := out.Read(printed)
		require.NoError(t, err)
		lines := strings.Split(string(printed[:n]), "\n")
		vendor, _, _ := strings.Cut(c.token, "_")
		assert.Equal(t, []string{lines[0], "export " + vendor + "_API_URL=" + lines[0], "export " + c.token, ""}, lines)
		cancel()
		assert.Equal(t, 0, <-code)
	}
}

func TestFlags(t *testing.T) {
	seed := filepath.Join(t.TempDir(), "seed.json")
	require.NoError(t, os.WriteFile(seed, []byte(`{"contact_groups":[{"name":"Mine"}]}`), 0o600))
	r := start(t, map[string]string{"EMULATOR_TOKEN": "from-env"}, "--listen", "localhost:0", "--seed", seed,
		"--latency", "1ms", "--rate-limit", "1000", "--rate-limit-minute", "2", "--list-lag", "1", "--list-metadata", "missing")
	status, body := r.get(t, "/contact-groups", "from-env")
	assert.Equal(t, 200, status)
	assert.Contains(t, body, "Mine")
	assert.NotContains(t, body, "metadata")
	r.get(t, "/uptime", "from-env")
	status, _ = r.get(t, "/uptime", "from-env")
	assert.Equal(t, 429, status)
	status, _ = request(t, "POST", r.url+"/_emulator/reset", "from-env")
	assert.Equal(t, 204, status)
	status, body = r.get(t, "/contact-groups", "from-env")
	assert.Equal(t, 200, status)
	assert.Contains(t, body, "Mine", "a reset brings the seed back")
	code, _ := r.stop()
	assert.Equal(t, 0, code)

	r = start(t, map[string]string{"EMULATOR_TOKEN": "from-env"}, "--token", "from-flag", "--listen", "0.0.0.0:0", "--allow-remote")
	_, port, ok := strings.Cut(strings.TrimPrefix(r.url, "http://"), "]:")
	require.True(t, ok, "the address of all interfaces: %s", r.url)
	status, _ = request(t, "GET", "http://127.0.0.1:"+strings.TrimSuffix(port, "/v1")+"/v1/uptime", "from-flag")
	assert.Equal(t, 200, status)
	r.stop()
}

func TestTheVendorIsAnArgument(t *testing.T) {
	seed := filepath.Join(t.TempDir(), "seed.json")
	require.NoError(t, os.WriteFile(seed, []byte(`{"checks":[{"name":"Mine","host":"a.example.com","type":"ping"}]}`), 0o600))
	r := start(t, nil, "--seed-demo", "--seed", seed, "--check-limit", "3", "--sparse", "pingdom")
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/api/3\.1$`, r.url)
	_, body := r.get(t, "/checks/8000001", serve.DefaultToken)
	assert.Contains(t, body, "Mine")
	assert.NotContains(t, body, "custom_message", "sparse")
	_, body = r.get(t, "/credits", serve.DefaultToken)
	assert.Contains(t, body, `"availablechecks":2,`)
	_, body = r.get(t, "/alerting/teams", serve.DefaultToken)
	assert.Contains(t, body, "Operations")
	r.stop()

	r = start(t, nil, "--seed-demo", "statuscake")
	assert.Regexp(t, `/v1$`, r.url)
	status, _ := r.get(t, "/contact-groups/300001", serve.DefaultToken)
	assert.Equal(t, 200, status)
	r.stop()
}

func TestWhatItRefuses(t *testing.T) {
	taken := start(t, nil)
	defer taken.stop()
	address := strings.TrimSuffix(strings.TrimPrefix(taken.url, "http://"), "/v1")
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.json")
	require.NoError(t, os.WriteFile(broken, []byte(`{"tests":[{}]}`), 0o600))
	full := filepath.Join(folder, "full")
	require.NoError(t, os.Mkdir(full, 0o700))

	for what, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"help":               {[]string{"--help"}, 0, "-port-file"},
		"help of vendors":    {[]string{"--help"}, 0, "[flags] [pingdom|statuscake]\nThe vendor is statuscake where"},
		"unknown flag":       {[]string{"--prot-file", "x"}, 2, "not defined"},
		"unknown vendor":     {[]string{"start"}, 2, `must be one of pingdom, statuscake, got: ["start"]`},
		"flag after vendor":  {[]string{"pingdom", "--sparse"}, 2, "the argument after all flags"},
		"no flag of Pingdom": {[]string{"--list-metadata", "full", "pingdom"}, 2, "--list-metadata is for statuscake only"},
		"flag of Pingdom":    {[]string{"--sparse", "statuscake"}, 2, "--sparse is for pingdom only"},
		"no limit":           {[]string{"--check-limit", "-1", "pingdom"}, 2, "must not be negative"},
		"all interfaces":     {[]string{"--listen", ":0"}, 2, "--allow-remote"},
		"another interface":  {[]string{"--listen", "192.0.2.1:0"}, 2, "--allow-remote"},
		"a name":             {[]string{"--listen", "example.com:0"}, 2, "--allow-remote"},
		"no port":            {[]string{"--listen", "127.0.0.1"}, 2, "--listen must be host:port"},
		"negative":           {[]string{"--list-lag", "-1"}, 2, "must not be negative"},
		"list metadata":      {[]string{"--list-metadata", "none"}, 1, "--list-metadata: "},
		"seed missing":       {[]string{"--seed", filepath.Join(folder, "none")}, 1, "--seed: open"},
		"seed broken":        {[]string{"--seed", broken}, 1, "tests[0]"},
		"seed of another":    {[]string{"--seed", broken, "pingdom"}, 1, `unknown field "tests"`},
		"port taken":         {[]string{"--listen", address}, 1, "address already in use"},
		"port file's folder": {[]string{"--port-file", filepath.Join(folder, "none", "url")}, 1, "--port-file: "},
		"port file a folder": {[]string{"--port-file", full}, 1, "--port-file: rename"},
	} {
		t.Run(what, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := serve.Run(t.Context(), c.args, environment(nil), &stdout, &stderr)
			assert.Equal(t, c.code, code)
			assert.Contains(t, stderr.String(), c.want)
			assert.NotContains(t, stderr.String(), "\n\n")
			assert.Empty(t, stdout.String())
		})
	}
}

func TestTheUsageDoesNotShowTheToken(t *testing.T) {
	var stderr bytes.Buffer
	serve.Run(t.Context(), []string{"-h"}, environment(map[string]string{"EMULATOR_TOKEN": "hidden"}), io.Discard, &stderr)
	assert.NotContains(t, stderr.String(), "hidden")
}

func TestSignalsEndTheProgramCleanly(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			portFile := filepath.Join(t.TempDir(), "url")
			program := exec.CommandContext(t.Context(), os.Args[0], "--port-file", portFile)
			program.Env = append(os.Environ(), asProgram+"=1")
			stdout, err := program.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, program.Start())
			line, err := bufio.NewReader(stdout).ReadString('\n')
			require.NoError(t, err)
			status, _ := request(t, "GET", strings.TrimSpace(line)+"/uptime", serve.DefaultToken)
			assert.Equal(t, 200, status)

			require.NoError(t, program.Process.Signal(signal))
			require.NoError(t, program.Wait(), "exit code 0")
			assert.NoFileExists(t, portFile)
		})
	}
}
