import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;

/**
 * Twenty streams on one HTTP/2 connection of Java's HttpClient, of which one is given up once each has begun.
 * Arguments: FILE "name: value"… Output as node_http2.js in its mode "many".
 */
public class JavaMany {
    static final int COUNT = 20;
    static final int GIVEN_UP = 7;
    static final Map<Integer, String> texts = new TreeMap<>();
    static final Map<Integer, String> errors = new TreeMap<>();
    static final CountDownLatch began = new CountDownLatch(COUNT);
    static final CountDownLatch left = new CountDownLatch(1);

    static void ask(HttpClient client, int number, String[] arguments) {
        try {
            HttpRequest.Builder request = HttpRequest
                .newBuilder(URI.create("https://api.openai.com/v1/chat/completions"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofFile(Path.of(arguments[0])));
            for (int index = 1; index < arguments.length; index++) {
                String[] field = arguments[index].split(":", 2);
                boolean isID = field[0].equalsIgnoreCase("x-test-id");
                request.header(field[0], field[1].strip() + (isID ? "-" + number : ""));
            }
            HttpResponse<InputStream> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            try (InputStream body = answer.body()) {
                int first = body.read();
                began.countDown();
                began.await();
                if (number == GIVEN_UP) {
                    // Closing the stream before its end resets it.
                    body.close();
                    left.countDown();
                    throw new IllegalStateException("given up");
                }
                left.await();
                String text = (char) first + new String(body.readAllBytes(), StandardCharsets.UTF_8);
                synchronized (texts) {
                    if (answer.version() != HttpClient.Version.HTTP_2) {
                        throw new IllegalStateException(answer.version().toString());
                    }
                    texts.put(number, text);
                }
            }
        } catch (Exception error) {
            synchronized (texts) {
                errors.put(number, error.toString());
            }
            began.countDown();
        }
    }

    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        Thread[] threads = new Thread[COUNT];
        // Java opens a connection per request until it knows that the first one speaks HTTP/2.
        client.send(
            HttpRequest.newBuilder(URI.create("https://api.openai.com/v1/models")).build(),
            HttpResponse.BodyHandlers.discarding());
        for (int number = 0; number < COUNT; number++) {
            int mine = number;
            threads[number] = new Thread(() -> ask(client, mine, arguments));
            threads[number].start();
        }
        left.await();
        System.out.println("first");
        for (Thread thread : threads) {
            thread.join();
        }
        System.out.println("{\"texts\": " + json(texts) + ", \"errors\": " + json(errors) + "}");
        System.exit(0);
    }

    private static String json(Map<Integer, String> values) {
        StringBuilder result = new StringBuilder("{");
        for (Map.Entry<Integer, String> entry : values.entrySet()) {
            result.append(result.length() > 1 ? ", " : "").append('"').append(entry.getKey()).append("\": \"");
            for (char letter : entry.getValue().toCharArray()) {
                result.append(letter == '"' || letter == '\\' || letter < 0x20 || letter > 0x7e
                    ? String.format("\\u%04x", (int) letter) : String.valueOf(letter));
            }
            result.append('"');
        }
        return result.append('}').toString();
    }
}
