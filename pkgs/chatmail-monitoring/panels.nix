# -> { graph; number; line; ... }: the parts of which ./dashboard.nix is made.
let
  # one line of the graph, or one for each combination of labels
  line = legend: query: { inherit legend query; };
  of = metric: "${metric}{instance=~\"$relay\"}";
  total = labels: metric: "sum by (${labels}) (${of metric})";
  perSecond = labels: metric: "sum by (${labels}) (rate(${of metric}[$__rate_interval]))";
  inAnHour = labels: metric: "sum by (${labels}) (increase(${of metric}[1h]))";
  quantiles =
    metric:
    map
      (
        quantile:
        line "${quantile} of 1" "histogram_quantile(${quantile}, sum by (le) (rate(${of "${metric}_bucket"}[$__rate_interval])))"
      )
      [
        "0.5"
        "0.9"
        "0.99"
      ];
  graph = title: unit: description: lines: {
    type = "timeseries";
    inherit
      title
      unit
      description
      lines
      ;
  };
  # the last value, as a number
  number =
    title: unit: description: lines:
    graph title unit description lines // { type = "stat"; };
in
{
  inherit
    graph
    inAnHour
    line
    number
    of
    perSecond
    quantiles
    total
    ;
}
