import { allow, answer, type Endpoint, HttpError, page } from './http.ts';
import { byCreateIndex, inOrder, namespaceOf, readable } from './lists.ts';

export const jobEvaluations: Endpoint = (call) => {
  const { state } = call.servers;
  allow(call.identity.permissions.namespace(namespaceOf(call), 'read-job'));
  return answer(call, {
    index: () => state.indexOf('evals'),
    read: () =>
      [...state.evaluations.values()]
        .filter(({ JobID, Namespace }) => JobID === call.parts[0] && Namespace === namespaceOf(call))
        .sort((a, b) => (a.ID < b.ID ? -1 : 1)),
  });
};

export const listEvaluations: Endpoint = (call) => {
  const { state } = call.servers;
  allow(call.identity.permissions.namespace(namespaceOf(call), 'read-job'));
  return answer(call, {
    index: () => state.indexOf('evals'),
    read: () => {
      const evaluations = inOrder(state.evaluations.values()).filter(readable(call));
      return page(
        call,
        evaluations,
        byCreateIndex,
        (evaluation) => evaluation,
        (evaluation) => evaluation,
      );
    },
  });
};

export const readEvaluation: Endpoint = (call) => {
  const { state } = call.servers;
  const id = call.parts[0] ?? '';
  allow(call.identity.permissions.namespace(namespaceOf(call), 'read-job'));
  return answer(call, {
    index: () => state.evaluations.get(id)?.ModifyIndex ?? state.indexOf('evals'),
    read: () => {
      const evaluation = state.evaluations.get(id);
      if (!evaluation) throw new HttpError(404, 'eval not found', state.indexOf('evals'));
      return evaluation;
    },
  });
};
