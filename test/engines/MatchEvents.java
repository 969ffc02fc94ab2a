import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import software.amazon.event.ruler.Machine;

/**
 * Reads {"rules": {name: pattern}, "events": {name: event}} from standard input, and prints for each event the names of the rules
 * that match it.
 */
public class MatchEvents {
    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        JsonNode input = json.readTree(System.in);
        Machine machine = Machine.builder().build();
        for (var rule : input.get("rules").properties()) machine.addRule(rule.getKey(), rule.getValue().toString());
        ObjectNode matched = json.createObjectNode();
        for (var event : input.get("events").properties()) {
            ArrayNode names = matched.putArray(event.getKey());
            machine.rulesForJSONEvent(event.getValue().toString()).stream().map(String::valueOf).sorted().forEach(names::add);
        }
        System.out.println(matched);
    }
}
