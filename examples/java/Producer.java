import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

public class Producer {
    static final HttpClient CLIENT = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    static String send(String event) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("POSTHORN_URL") + "/v1/events"))
            .header("Authorization", "Bearer " + System.getenv("POSTHORN_KEY"))
            .header("Content-Type", "application/json")
            .timeout(Duration.ofSeconds(30))
            .POST(HttpRequest.BodyPublishers.ofString(event))
            .build();
        for (int tries = 1; ; tries++) {
            try {
                HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
                int status = answer.statusCode();
                if (status == 202) return answer.body();
                if (tries == 6 || status < 500 && status != 429) throw new IllegalStateException(answer.body());
            } catch (IOException noAnswer) { // it may have been taken, and its id counts once
                if (tries == 6) throw noAnswer;
            }
            Thread.sleep(Duration.ofSeconds(1L << tries - 1).toMillis());
        }
    }

    public static void main(String[] arguments) throws Exception {
        int order = 4731;
        System.out.println(send("""
            {"id": "order-%d.shipped", "type": "order.shipped", "data": {"order": %d}}""".formatted(order, order)));
    }
}
