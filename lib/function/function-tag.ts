/** The key of a tag on the function that drains: by it the command line finds the function of an account and region. */
export const FUNCTION_TAG = 'nomad-drain-hook';
