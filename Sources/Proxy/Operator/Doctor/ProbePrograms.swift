/// The programs that runtimes are given to run: each fetches the address in its first argument, prints what it got, and
/// ends with an error if it got nothing.
enum ProbePrograms {
    /// What the programs wait themselves, so that they say where they got stuck before they are killed.
    static let timeoutSeconds = 12

    /// Prints the version and the clients that are installed, a line each. Without the working directory in the path:
    /// what lies there is not a library.
    static let pythonClients = """
        import sys
        sys.path = [folder for folder in sys.path if folder]
        print("python", "%d.%d.%d" % sys.version_info[:3])
        print("urllib", "")
        from importlib.util import find_spec
        try:
            from importlib.metadata import version
        except ImportError:
            version = lambda name: ""
        for name in sys.argv[1:]:
            if find_spec(name):
                print(name, version(name))
        """

    /// The second argument says with which client.
    static let python = """
        import sys
        sys.path = [folder for folder in sys.path if folder]
        address, client, seconds = sys.argv[1], sys.argv[2], \(timeoutSeconds)
        def urllib():
            from urllib.request import urlopen
            return urlopen(address, timeout=seconds).read().decode()
        def httpx():
            import httpx
            return httpx.get(address, timeout=seconds).text
        def httpx2():
            import httpx2
            return httpx2.get(address, timeout=seconds).text
        def requests():
            import requests
            return requests.get(address, timeout=seconds).text
        def aiohttp():
            import asyncio, aiohttp
            async def fetch():
                async with aiohttp.ClientSession(trust_env=True) as session:
                    async with session.get(address) as answer:
                        return await answer.text()
            return asyncio.run(asyncio.wait_for(fetch(), seconds))
        def boto3():
            import boto3
            from botocore.config import Config
            patience = Config(retries={"max_attempts": 0}, connect_timeout=seconds, read_timeout=seconds)
            service = boto3.client("lambda", region_name="us-east-1", endpoint_url=address, aws_access_key_id="none",
                aws_secret_access_key="none", config=patience)
            return service.invoke(FunctionName="doctor")["Payload"].read().decode()
        def stainless(make):
            import json
            service = make(api_key="none", base_url=address, max_retries=0, timeout=seconds)
            return json.dumps(service.get("/", cast_to=object), separators=(",", ":"))
        def openai():
            from openai import OpenAI
            return stainless(OpenAI)
        def anthropic():
            from anthropic import Anthropic
            return stainless(Anthropic)
        print(globals()[client]())
        """

    /// Node's own client.
    static let nodeFetch = """
        const address = process.argv[1];
        const print = text => console.log(text);
        const fail = error => { console.error(error, error.cause || ""); process.exit(1); };
        if (typeof fetch === "function") {
          fetch(address, { signal: AbortSignal.timeout(\(timeoutSeconds)000) }).then(a => a.text()).then(print, fail);
        } else {
          require("https").get(address, a => a.setEncoding("utf8").on("data", print)).on("error", fail);
        }
        """

    /// What an agent does: CONNECT to the proxy of the environment, and TLS with Node's trust.
    static let nodeAgent = """
        const target = new URL(process.argv[1]);
        const fail = error => { console.error(error); process.exit(1); };
        const variable = process.env.https_proxy || process.env.HTTPS_PROXY;
        if (!variable) fail("getaddrinfo: no HTTPS_PROXY, so every agent goes to the name itself");
        const proxy = new URL(variable);
        setTimeout(() => fail("no answer"), \(timeoutSeconds)000).unref();
        const authority = target.hostname + ":443";
        require("http").request({
          host: proxy.hostname.replace(/^\\[|\\]$/g, ""), port: proxy.port || 80, method: "CONNECT", path: authority,
          headers: { host: authority },
        }).on("error", fail).on("connect", (answer, socket) => {
          if (answer.statusCode !== 200) fail("Received HTTP code " + answer.statusCode + " from proxy after CONNECT");
          const tls = require("tls").connect({ socket, servername: target.hostname }, () => tls.write(
            "GET / HTTP/1.1\\r\\nHost: " + target.hostname + "\\r\\nConnection: close\\r\\n\\r\\n"));
          tls.setEncoding("utf8").on("error", fail).on("data", text => console.log(text));
        }).end();
        """

    /// A class in a file, which a JDK compiles in memory.
    static let java = """
        import java.net.URI;
        import java.net.http.HttpClient;
        import java.net.http.HttpRequest;
        import java.net.http.HttpResponse;
        import java.time.Duration;

        public class Probe {
            public static void main(String[] arguments) throws Exception {
                Duration patience = Duration.ofSeconds(\(timeoutSeconds));
                HttpClient client = HttpClient.newBuilder().connectTimeout(patience).build();
                HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0])).timeout(patience).build();
                System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
            }
        }
        """

    static let go = """
        package main

        import (
        	"fmt"
        	"io"
        	"net/http"
        	"os"
        	"time"
        )

        func main() {
        	client := http.Client{Timeout: \(timeoutSeconds) * time.Second}
        	answer, err := client.Get(os.Args[1])
        	if err == nil {
        		var body []byte
        		body, err = io.ReadAll(answer.Body)
        		fmt.Println(string(body))
        	}
        	if err != nil {
        		fmt.Fprintln(os.Stderr, err)
        		os.Exit(1)
        	}
        }
        """
}
