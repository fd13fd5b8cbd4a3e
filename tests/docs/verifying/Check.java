
class Input {
    final String[] lines;
    final byte[] body;

    Input(byte[] input) {
        String text = new String(input, java.nio.charset.StandardCharsets.ISO_8859_1);
        int end = text.indexOf("\n\n");
        lines = text.substring(0, end).split("\n", -1);
        body = java.util.Arrays.copyOfRange(input, end + 2, input.length);
    }

    String header(String name) {
        for (int n = 2; n < lines.length; n++) {
            String[] pair = lines[n].split(": ", 2);
            if (pair[0].equalsIgnoreCase(name)) {
                return pair[1];
            }
        }
        return null;
    }
}

public class Check {
    public static void main(String[] arguments) throws Exception {
        Input input = new Input(System.in.readAllBytes());
        String secret = input.lines[0];
        String token = input.lines[1];
        System.out.println(WebhookVerifier.verify(input::header, input.body, secret, token));
    }
}
